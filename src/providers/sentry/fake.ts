import { type HttpFake, jsonAnswer, startHttpFake, type WireAnswer, type WireRequest } from "../http-fake.ts";
import { BadEnvelope, type Fields, parseEnvelope } from "./fake-envelope.ts";

/**
 * What is done with a good envelope. `limited` is Sentry's answer over a rate limit, `too-large` that to an envelope
 * that is, `redirect` goes to another path of the fake, where nothing may ever arrive; or the answer itself.
 */
export const SENTRY_SCRIPTS = ["ok", "limited", "too-large", "error", "hang", "stall", "reset", "redirect"] as const;
export type SentryScript = (typeof SENTRY_SCRIPTS)[number] | SentryAnswer;

export interface SentryAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SentryFakeOptions {
  readonly port?: number;
  readonly publicKey?: string;
  /** Whether there is such a project; one alone, 42, unless said otherwise. */
  readonly hasProject?: (id: string) => boolean;
}

/** What came over the wire, good or not. */
export interface SentryRequest {
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export interface SentryFake extends HttpFake {
  readonly dsn: string;
  /** Those that were taken, oldest first. */
  readonly events: readonly Fields[];
  readonly requests: readonly SentryRequest[];
  /** Why requests were refused that Sentry would not take. */
  readonly refusals: readonly string[];
  /** Requests that came where a redirect points. */
  followed(): number;
  /** What is done with the next good envelopes, one each. */
  script(...scripts: readonly SentryScript[]): void;
  /** Forgets all. */
  reset(): void;
}

const PROJECT_ID = "42";
const ELSEWHERE = "/elsewhere";
const ENVELOPE_PATH = /^\/api\/(\d+)\/envelope\/$/;
const MAX_EVENT_BYTES = 1024 * 1024;

function refuse(status: number, detail: string): WireAnswer {
  return jsonAnswer(status, { detail }, { "X-Sentry-Error": detail });
}

/** The key of a request's query or its `X-Sentry-Auth`; null where there is none. */
function keyOf(url: URL, headers: WireRequest["headers"]): { readonly key: string; readonly version: string } | null {
  const header = String(headers["x-sentry-auth"] ?? "");
  const pairs = header.startsWith("Sentry ") ? header.slice(7).split(",") : [];
  const auth = new Map(pairs.map((pair) => pair.trim().split("=", 2) as [string, string]));
  const key = url.searchParams.get("sentry_key") ?? auth.get("sentry_key");
  const version = url.searchParams.get("sentry_version") ?? auth.get("sentry_version");
  return key === undefined || version === undefined ? null : { key, version };
}

function play(script: SentryScript, eventId: unknown): WireAnswer {
  if (typeof script === "object") return { headers: {}, body: "", ...script };
  if (script === "hang" || script === "stall" || script === "reset") return script;
  if (script === "too-large") return jsonAnswer(413, { detail: "envelope exceeded size limits" });
  if (script === "error") return { status: 500, headers: {}, body: "internal server error" };
  if (script === "redirect") return { status: 307, headers: { Location: ELSEWHERE }, body: "" };
  if (script === "limited") {
    const limits = { "Retry-After": "60", "X-Sentry-Rate-Limits": "60:error;transaction:organization:org_quota" };
    return jsonAnswer(429, { detail: "Sentry dropped data due to a quota or internal rate limit" }, limits);
  }
  return jsonAnswer(200, { id: eventId });
}

function parseScripts(body: string): readonly SentryScript[] {
  const scripts = JSON.parse(body) as readonly SentryScript[];
  const isKnown = (script: SentryScript) =>
    typeof script === "object" || (SENTRY_SCRIPTS as readonly unknown[]).includes(script);
  if (!Array.isArray(scripts) || !scripts.every(isKnown)) throw new Error(`a list of ${SENTRY_SCRIPTS.join(", ")}`);
  return scripts;
}

function createState(publicKey: string, hasProject: (id: string) => boolean) {
  const events: Fields[] = [];
  const requests: SentryRequest[] = [];
  const refusals: string[] = [];
  let scripts: SentryScript[] = [];
  let followed = 0;

  function refusal({ method, path, headers, bodyBytes }: WireRequest): WireAnswer | null {
    const url = new URL(path, "http://fake");
    const project = ENVELOPE_PATH.exec(url.pathname)?.[1];
    if (project === undefined) return refuse(404, "no such path");
    if (method !== "POST") return refuse(405, "POST is wanted");
    const auth = keyOf(url, headers);
    if (auth === null) return refuse(401, "missing authorization information");
    if (auth.version !== "7") return refuse(400, "unsupported protocol version");
    if (auth.key !== publicKey || !hasProject(project))
      return refuse(403, "event submission rejected with_reason: ProjectId");
    if (headers["content-encoding"] !== undefined) return refuse(400, "the fake reads plain bodies alone");
    return bodyBytes > MAX_EVENT_BYTES ? refuse(413, "envelope exceeded size limits") : null;
  }

  function take(body: string): WireAnswer {
    try {
      const event = parseEnvelope(new TextEncoder().encode(body));
      const script = scripts.shift() ?? "ok";
      if (script === "ok") events.push(event);
      return play(script, event.event_id);
    } catch (error) {
      if (error instanceof BadEnvelope) return refuse(400, error.message);
      throw error;
    }
  }

  function ingest(request: WireRequest): WireAnswer {
    if (request.path === ELSEWHERE) {
      followed++;
      return jsonAnswer(200, { id: "elsewhere" });
    }
    requests.push({ path: request.path, headers: request.headers, body: request.body });
    const answer = refusal(request) ?? take(request.body);
    const why = typeof answer === "object" ? answer.headers?.["X-Sentry-Error"] : undefined;
    if (why !== undefined) refusals.push(why);
    return answer;
  }

  function reset(): void {
    for (const list of [events, requests, refusals]) list.length = 0;
    scripts = [];
    followed = 0;
  }
  const script = (...more: readonly SentryScript[]) => void scripts.push(...more);
  return { events, requests, refusals, followed: () => followed, script, reset, ingest };
}

/**
 * Sentry's ingestion on the loopback: `POST /api/<project>/envelope/`, as strict as its data model. `/__fake/…` is the
 * same control over HTTP, for who has no hand on the process: `GET kept`, `POST script` (a list), `POST reset`.
 */
export async function startSentryFake(options: SentryFakeOptions = {}): Promise<SentryFake> {
  const { port = 0, publicKey = "public0key", hasProject = (id) => id === PROJECT_ID } = options;
  const { ingest, ...state } = createState(publicKey, hasProject);
  const control = ({ method, path, body }: WireRequest): WireAnswer => {
    const { events, requests, refusals, followed } = state;
    if (method === "GET") return jsonAnswer(200, { events, requests, refusals, followed: followed() });
    if (path === "/__fake/reset") state.reset();
    else if (path === "/__fake/script") state.script(...parseScripts(body));
    else return refuse(404, "GET kept, POST script, reset");
    return jsonAnswer(200, {});
  };
  const server = await startHttpFake(port, (request) =>
    request.path.startsWith("/__fake/") ? control(request) : ingest(request),
  );
  const dsn = `${server.url.replace("://", `://${publicKey}@`)}/${PROJECT_ID}`;
  return { ...server, ...state, dsn };
}
