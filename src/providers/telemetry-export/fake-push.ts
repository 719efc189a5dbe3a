import { type HttpFake, jsonAnswer, startHttpFake, type WireAnswer, type WireRequest } from "../http-fake.ts";

/**
 * What a fake does with a good push. `lost`: it is kept, and the connection breaks before the answer. `redirect`: to
 * another path of the fake, where nothing may ever arrive.
 */
export const PUSH_SCRIPTS = ["ok", "bad", "limited", "error", "hang", "reset", "lost", "redirect"] as const;
export type PushScript = (typeof PUSH_SCRIPTS)[number];

export interface PushCounts {
  /** Good pushes, whatever was done with them. */
  readonly pushes: number;
  /** Those that the real system would not have taken. */
  readonly refused: number;
  /** Requests that came where a redirect points. */
  readonly followed: number;
}

export interface PushFakeOptions {
  readonly port?: number;
  readonly path: string;
  /** Seconds that `limited` asks to wait. */
  readonly retryAfterSeconds?: number;
  /** What is wrong with a request; null for a good one. */
  readonly check: (request: WireRequest) => WireAnswer | null;
  /** Keeps a good push, and answers it. */
  readonly keep: (body: string) => WireAnswer;
  /** What `GET /__fake/kept` tells. */
  readonly kept: () => unknown;
  readonly forget: () => void;
}

export interface PushFake extends HttpFake {
  counts(): PushCounts;
  /** What is done with the next good pushes, one each. */
  script(...scripts: readonly PushScript[]): void;
  /** What is done with those that no script waits for, in turn. */
  always(...scripts: readonly PushScript[]): void;
  /** Forgets scripts, counts and what was kept. */
  reset(): void;
}

const ELSEWHERE = "/elsewhere";

function parseScripts(body: string): readonly PushScript[] {
  const scripts: unknown = JSON.parse(body);
  if (!Array.isArray(scripts) || !scripts.every((script) => (PUSH_SCRIPTS as readonly unknown[]).includes(script))) {
    throw new Error(`a list is wanted of ${PUSH_SCRIPTS.join(", ")}`);
  }
  return scripts;
}

/** The state, and `/__fake/…`: the same over HTTP, for who has no hand on the process. */
function createState({ keep, kept, forget, retryAfterSeconds }: PushFakeOptions) {
  let scripts: PushScript[] = [];
  let rule: readonly PushScript[] = ["ok"];
  let counts = { pushes: 0, refused: 0, followed: 0 };
  const reset = () => {
    scripts = [];
    rule = ["ok"];
    counts = { pushes: 0, refused: 0, followed: 0 };
    forget();
  };
  const script = (...more: readonly PushScript[]) => void scripts.push(...more);
  const always = (...more: readonly PushScript[]) => {
    rule = more;
  };

  function play(body: string): WireAnswer {
    const next = scripts.shift() ?? rule[counts.pushes % rule.length] ?? "ok";
    counts.pushes++;
    const text = { "Content-Type": "text/plain" };
    if (next === "ok") return keep(body);
    if (next === "hang" || next === "reset") return next;
    if (next === "bad") return { status: 400, headers: text, body: "entry too far behind" };
    if (next === "error") return { status: 500, headers: text, body: "at least 1 live replicas required" };
    if (next === "redirect") return { status: 307, headers: { Location: ELSEWHERE }, body: "" };
    if (next === "lost") {
      keep(body);
      return "reset";
    }
    const after = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
    return { status: 429, headers: { ...text, ...after }, body: "Ingestion rate limit exceeded" };
  }

  function control({ method, path, body }: WireRequest): WireAnswer {
    try {
      if (method === "GET" && path === "/__fake/kept") return jsonAnswer(200, { kept: kept(), counts });
      if (method !== "POST") return jsonAnswer(405, { error: "GET kept, POST script, always, reset" });
      if (path === "/__fake/reset") reset();
      else if (path === "/__fake/script") script(...parseScripts(body));
      else if (path === "/__fake/always") always(...parseScripts(body));
      else return jsonAnswer(404, { error: "GET kept, POST script, always, reset" });
      return jsonAnswer(200, {});
    } catch (error) {
      return jsonAnswer(400, { error: error instanceof Error ? error.message : "bad request" });
    }
  }
  return { counts: () => counts, script, always, reset, play, control };
}

/** A system that takes pushes of telemetry, on the loopback: checks them strictly, and fails as it is told to. */
export async function startPushFake(options: PushFakeOptions): Promise<PushFake> {
  const { port = 0, path, check } = options;
  const state = createState(options);
  const server = await startHttpFake(port, (request) => {
    if (request.path.startsWith("/__fake/")) return state.control(request);
    const counts = state.counts();
    if (request.path === ELSEWHERE) counts.followed++;
    if (request.path !== path) return { status: 404, headers: {}, body: "404 page not found" };
    const refusal = request.method === "POST" ? check(request) : { status: 405, body: "" };
    if (refusal === null) return state.play(request.body);
    counts.refused++;
    return refusal;
  });
  const { counts, script, always, reset } = state;
  return { ...server, counts, script, always, reset };
}
