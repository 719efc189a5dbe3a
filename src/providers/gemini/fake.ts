import { setTimeout as sleep } from "node:timers/promises";
import { ImageCodecError } from "../../ports/image-codec.ts";
import {
  type HttpFake,
  jsonAnswer,
  startHttpFake,
  type WireAnswer,
  type WireRequest,
  type WireResponse,
} from "../http-fake.ts";
import { CHAOS_KINDS, type Chaos, type ChaosKind, checkChaos, createChaos } from "./fake-chaos.ts";
import { invalidArgument } from "./fake-errors.ts";
import { createPainter, type PaintedMime } from "./fake-picture.ts";
import { type ReceivedRequest, receiveRequest } from "./fake-request.ts";
import { checkScripts, type GeminiScript, play } from "./fake-scripts.ts";

const MODELS = [
  "gemini-2.5-flash-image",
  "gemini-3.1-flash-image",
  "gemini-3.1-flash-lite-image",
  "gemini-3-pro-image",
];
/** Of the latest calls the pictures are kept, too. */
const CALLS_WITH_PICTURES = 20;
const KEPT_CALLS = 10_000;

export interface GeminiCall {
  readonly model: string;
  readonly prompt: string;
  readonly pictures: readonly { readonly mime: string; readonly bytes: number; readonly sha256: string }[];
  readonly generationConfig: Readonly<Record<string, unknown>>;
  /** Null when none were sent. */
  readonly safetySettings: unknown;
  /** `x-goog-api-client` and those of an AI Gateway. */
  readonly headers: Readonly<Record<string, string>>;
  /** The script that was played: `ok` unless something else was wanted. */
  readonly script: string;
  /** The pictures themselves; none of calls that are not among the latest. */
  readonly data: readonly Uint8Array[];
}

export interface GeminiCounts {
  /** All requests, good or not. */
  readonly requests: number;
  /** Those that Google would not have taken. */
  readonly refused: number;
  /** How often the client left before it had its answer. */
  readonly abandoned: number;
  /** What chance did. */
  readonly chaos: Readonly<Record<ChaosKind, number>>;
}

export interface GeminiFakeOptions {
  readonly port?: number;
  readonly apiKey?: string;
  readonly models?: readonly string[];
  /** Before each answer but the refusals. */
  readonly latencyMs?: number;
  readonly chaos?: Chaos;
  /** Of the chaos. */
  readonly seed?: number;
  /** Asked for each good call that no script waits for; undefined leaves it to chance. */
  readonly rule?: (request: ReceivedRequest) => GeminiScript | undefined;
  /** Told of each request, after it was decided what to answer: the call, or the answer it was refused with. */
  readonly onCall?: (call: GeminiCall | null, refusal: WireResponse | null) => void;
  /** Longest side of results in pixels. */
  readonly resultSidePx?: number;
  readonly resultMime?: PaintedMime;
}

export interface GeminiFake extends HttpFake {
  readonly apiKey: string;
  /** The good calls, oldest first. */
  readonly calls: readonly GeminiCall[];
  counts(): GeminiCounts;
  /** The answers to the next good calls, one each; a bad request gets Google's own error. */
  script(...scripts: readonly GeminiScript[]): void;
  setChaos(chaos: Chaos): void;
  /** Forgets scripts, calls and counts. */
  reset(): void;
}

function noCounts() {
  const chaos = Object.fromEntries(CHAOS_KINDS.map((kind) => [kind, 0])) as Record<ChaosKind, number>;
  return { requests: 0, refused: 0, abandoned: 0, chaos };
}

/** What the fake remembers, and what it is told to do next. */
function createState({ chaos: shares = {}, seed = 1, rule }: GeminiFakeOptions) {
  const calls: GeminiCall[] = [];
  const scripts: { readonly script: GeminiScript; readonly model: string | null }[] = [];
  const chaos = createChaos(seed);
  chaos.set(shares);
  let counts = noCounts();
  return {
    calls,
    counts: () => counts,
    setChaos: chaos.set,
    /** For the calls of one model, or for any. */
    script(given: readonly unknown[], model: string | null = null): void {
      checkScripts(given);
      scripts.push(...given.map((script) => ({ script, model })));
    },
    reset(): void {
      scripts.length = 0;
      calls.length = 0;
      counts = noCounts();
    },
    next(request: ReceivedRequest): GeminiScript {
      const waiting = scripts.findIndex(({ model }) => model === null || model === request.model);
      const [scripted] = waiting < 0 ? [] : scripts.splice(waiting, 1);
      const wanted = scripted?.script ?? rule?.(request);
      if (wanted !== undefined) {
        checkScripts([wanted]);
        return wanted;
      }
      const failure = chaos.draw();
      if (failure !== null) counts.chaos[failure.kind]++;
      return failure?.script ?? "ok";
    },
    record({ pictures, ...rest }: ReceivedRequest, script: GeminiScript): GeminiCall {
      const seen = pictures.map(({ mime, bytes, sha256 }) => ({ mime, bytes: bytes.length, sha256 }));
      const told = typeof script === "string" ? script : `HTTP ${script.status}`;
      const call = { ...rest, pictures: seen, script: told, data: pictures.map(({ bytes }) => bytes) };
      calls.push(call);
      const older = calls.at(-CALLS_WITH_PICTURES - 1);
      if (older) calls[calls.length - CALLS_WITH_PICTURES - 1] = { ...older, data: [] };
      if (calls.length > KEPT_CALLS) calls.shift();
      return call;
    },
  };
}

type State = ReturnType<typeof createState>;

function toJson({ data, ...call }: GeminiCall, withPictures: boolean) {
  return withPictures ? { ...call, data: data.map((bytes) => Buffer.from(bytes).toString("base64")) } : call;
}

/**
 * `/__fake/…`: the same over HTTP, for who has no hand on the process. `?model=` keeps those apart who share one.
 */
function control(state: State, { method, path, body }: WireRequest): WireAnswer {
  const { pathname, searchParams } = new URL(path, "http://fake");
  const read = () => JSON.parse(body) as unknown;
  const model = searchParams.get("model");
  try {
    if (method === "GET" && pathname === "/__fake/calls") {
      const told = state.calls.filter((call) => model === null || call.model === model);
      const calls = told.map((call) => toJson(call, searchParams.has("pictures")));
      return jsonAnswer(200, { calls, counts: state.counts() });
    }
    if (method !== "POST") return jsonAnswer(405, { error: "GET /__fake/calls, POST /__fake/{script,chaos,reset}" });
    if (pathname === "/__fake/reset") state.reset();
    else if (pathname === "/__fake/chaos") state.setChaos(checkChaos(read()));
    else if (pathname === "/__fake/script") {
      const scripts = read();
      if (!Array.isArray(scripts)) throw new Error("a list of scripts is wanted");
      state.script(scripts, model);
    } else return jsonAnswer(404, { error: "GET /__fake/calls, POST /__fake/{script,chaos,reset}" });
    return jsonAnswer(200, {});
  } catch (error) {
    return jsonAnswer(400, { error: error instanceof Error ? error.message : "bad request" });
  }
}

/**
 * Google's `POST /v1beta/models/{model}:generateContent` on the loopback. It checks what it is sent as the real one does,
 * keeps the calls, fails as it is told to, and else answers with a picture made of all the pictures that were sent.
 *
 * A call is answered by the oldest script that waits, else by the rule, else by chance, else with success.
 */
export async function startGeminiFake(options: GeminiFakeOptions = {}): Promise<GeminiFake> {
  const { port = 0, apiKey = "fake-key", models = MODELS, latencyMs = 0, onCall } = options;
  const { resultSidePx = 512, resultMime = "image/png" } = options;
  const state = createState(options);
  const painter = createPainter(resultSidePx);

  async function generate(received: ReceivedRequest, gone: AbortSignal): Promise<WireAnswer> {
    const script = state.next(received);
    const call = state.record(received, script);
    onCall?.(call, null);
    const counts = state.counts();
    gone.addEventListener("abort", () => counts.abandoned++);
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal: gone });
    const paint = async (mime = resultMime) => ({ mimeType: mime, data: await painter.paint(received, mime) });
    try {
      return await play(script, { request: received, paint });
    } catch (error) {
      if (!(error instanceof ImageCodecError)) throw error;
      return invalidArgument("Unable to process input image.");
    }
  }

  const server = await startHttpFake(port, (request) => {
    if (request.path.startsWith("/__fake/")) return control(state, request);
    state.counts().requests++;
    const checked = receiveRequest(request, { apiKey, models });
    if (checked.ok) return generate(checked.received, request.gone);
    state.counts().refused++;
    onCall?.(null, checked.answer);
    return checked.answer;
  });
  const { calls, counts, setChaos, reset } = state;
  return { ...server, apiKey, calls, counts, setChaos, reset, script: (...scripts) => state.script(scripts) };
}
