import { LONGEST_TIMER_MS, pause, unlessAborted } from "./pause.ts";
import { ApiProblem, problemOf, retryAfterMs } from "./problem.ts";
import type { components } from "./schema.d.ts";

export type Fetch = (request: Request) => Promise<Response>;

export interface Tokens {
  readonly accessToken: string;
  /** Null where there is none; the session then ends with its access token. */
  readonly refreshToken: string | null;
}

/** Where a session's tokens are kept: in memory unless you give another place, which several clients may share. */
export interface TokenStore {
  get(): Tokens | null | Promise<Tokens | null>;
  /** Null when the session has ended. */
  set(tokens: Tokens | null): void | Promise<void>;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly fetch: Fetch;
  readonly tokens: TokenStore;
  /** How long one try may take. */
  readonly timeoutMs: number;
  /** How many more tries follow a failure that may pass. */
  readonly retries: number;
  /** Where the service asks to wait for longer, its answer is handed on instead. */
  readonly longestWaitMs: number;
}

const FIRST_WAIT_MS = 500;

export function memoryTokens(): TokenStore {
  let kept: Tokens | null = null;
  return {
    get: () => kept,
    set: (tokens) => {
      kept = tokens;
    },
  };
}

/** Only what does no harm twice: a DELETE or a PUT with If-Match that got through would fail at its repetition. */
function isRepeatable(request: Request): boolean {
  return request.method === "GET" || request.method === "HEAD" || request.headers.has("Idempotency-Key");
}

function mayPass(response: Response): boolean {
  // A repeated request may meet its first one at work, which is a 409 that says when to come back.
  return [429, 503].includes(response.status) || (response.status === 409 && response.headers.has("Retry-After"));
}

type Send = (request: Request, accessToken: string | null, repeatable?: boolean) => Promise<Response>;

/** Sends a request, and again what may be sent again. @throws what `fetch` does, or the reason of the request's signal. */
function createSender(options: TransportOptions): Send {
  async function attempt(request: Request, accessToken: string | null): Promise<Response> {
    const late = AbortSignal.timeout(Math.min(options.timeoutMs, LONGEST_TIMER_MS));
    const signal = AbortSignal.any([request.signal, late]);
    const sent = new Request(request.clone() as Request, { signal });
    if (accessToken !== null) sent.headers.set("Authorization", `Bearer ${accessToken}`);
    return options.fetch(sent);
  }

  return async (request, accessToken, repeatable = isRepeatable(request)) => {
    for (let tried = 1; ; tried += 1) {
      const last = !repeatable || tried > options.retries;
      let waitMs = Math.min(Math.random() * FIRST_WAIT_MS * 2 ** tried, options.longestWaitMs);
      try {
        const response = await attempt(request, accessToken);
        waitMs = retryAfterMs(response) ?? waitMs;
        if (last || !mayPass(response) || waitMs > options.longestWaitMs) return response;
        await response.body?.cancel();
      } catch (error) {
        if (last) throw error;
      }
      await pause(waitMs, request.signal);
    }
  };
}

/** The access token that follows a refused one; null when the session has ended. */
async function renew({ tokens, baseUrl }: TransportOptions, send: Send, stale: string): Promise<string | null> {
  const current = await tokens.get();
  if (current === null || current.accessToken !== stale) return current?.accessToken ?? null;
  if (current.refreshToken === null) return null;
  const body = JSON.stringify({ refreshToken: current.refreshToken });
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  // The service takes the same refresh token again for a while, in case its answer got lost.
  const response = await send(new Request(`${baseUrl}/api/auth/refresh`, init), null, true);
  const fresh = response.ok ? ((await response.json()) as components["schemas"]["Tokens"]) : null;
  const present = await tokens.get();
  // Somebody signed in or out meanwhile, or renewed it in another tab: the answer is no longer about the store's session.
  if (present?.refreshToken !== current.refreshToken) return present?.accessToken ?? null;
  if (fresh === null && response.status !== 401) throw new ApiProblem(response, await problemOf(response));
  await tokens.set(fresh && { accessToken: fresh.accessToken, refreshToken: fresh.refreshToken });
  return fresh?.accessToken ?? null;
}

/** Sends requests with the session's token, and renews that once for all that wait where it has expired. */
export function createTransport(options: TransportOptions): Fetch {
  const send = createSender(options);
  let refreshing: Promise<string | null> | undefined;
  return async (request) => {
    const accessToken = (await options.tokens.get())?.accessToken ?? null;
    const response = await send(request, accessToken);
    if (response.status !== 401 || accessToken === null) return response;
    if ((await problemOf(response))?.code !== "unauthenticated") return response;
    refreshing ??= renew(options, send, accessToken).finally(() => {
      refreshing = undefined;
    });
    const fresh = await unlessAborted(refreshing, request.signal);
    if (fresh === null) return response;
    await response.body?.cancel();
    return send(request, fresh);
  };
}
