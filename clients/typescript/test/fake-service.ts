import { type Client, type ClientOptions, createClient, type TokenStore, type Tokens } from "../src/index.ts";

export const BASE = "https://styler.test";
export const ME = "/api/users/me";
export const FIRST: Tokens = { accessToken: "access-1", refreshToken: "refresh-1" };

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = {
    type: `urn:ai-styler:error:${code}`,
    title: code,
    status,
    detail: `told: ${code}`,
    code,
    requestId: "r1",
  };
  return json(status, body, { "Content-Type": "application/problem+json", ...headers });
}

export function storeOf(tokens: Tokens | null): TokenStore & { kept: Tokens | null } {
  const store = {
    kept: tokens,
    get: () => store.kept,
    set: (given: Tokens | null) => {
      store.kept = given;
    },
  };
  return store;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export type Answer = (call: Call, index: number) => Response | Promise<Response>;

/** A client on a service that answers by `answer`, and the requests that it was asked. */
export function clientOf(answer: Answer, options: Partial<ClientOptions> = {}): { client: Client; calls: Call[] } {
  const calls: Call[] = [];
  const fetch = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    const call = { method: request.method, path: pathname + search, headers: request.headers, body };
    calls.push(call);
    request.signal.throwIfAborted();
    return answer(call, calls.length - 1);
  };
  return { client: createClient({ baseUrl: `${BASE}/`, fetch, tokens: storeOf(FIRST), ...options }), calls };
}

export const RENEWED = { accessToken: "access-2", refreshToken: "refresh-2" };

/** Takes the second access token only, and gives it for the first refresh token. */
export const afterRenewal: Answer = async ({ path, headers }) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (path === "/api/auth/refresh") return json(200, RENEWED);
  const authorized = headers.get("Authorization") === `Bearer ${RENEWED.accessToken}`;
  return authorized ? json(200, { id: "usr_1" }) : problem(401, "unauthenticated");
};
