/**
 * `node bench/profile.ts 1 [seconds]`: what the api's isolate does while row 1 loads it, by functions, in bundles that are not
 * minified. The share is of the time that the isolate runs; what its native code, the other Workers and D1 take is not
 * in it but as `(program)`.
 */
import { load } from "./load.ts";
import { startReading, type Target } from "./reading.ts";

const WORKERS = { api: "ai-styler-api", unobserved: "bench-api-unobserved", bare: "bench-bare" } as const;
const CONNECTIONS = 32;
const REQUESTS = 500;
const WARM_UP_ROUNDS = 4;
const SAMPLE_EVERY_US = 200;
const SHOWN = 25;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The inspector's protocol, one command at a time. */
class Inspector {
  readonly #socket: WebSocket;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`no inspector at ${url}`));
    });
    return new Inspector(socket);
  }

  async send<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const listen = ({ data }: MessageEvent<string>) => {
        const message: { id?: number; result?: T; error?: { message: string } } = JSON.parse(data);
        if (message.id !== id) return;
        this.#socket.removeEventListener("message", listen);
        if (message.error) reject(new Error(`${method}: ${message.error.message}`));
        else resolve(message.result as T);
      };
      this.#socket.addEventListener("message", listen);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}

async function ask({ url, path, headers }: Target, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await load({ url, paths: [path], connections: CONNECTIONS, requests: REQUESTS, headers });
  }
}

async function record(inspector: Inspector, target: Target, rounds: number): Promise<CpuProfile> {
  await inspector.send("Profiler.enable");
  await inspector.send("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
  await inspector.send("Profiler.start");
  await ask(target, rounds);
  return (await inspector.send<{ profile: CpuProfile }>("Profiler.stop")).profile;
}

const nameOf = ({ functionName, url, lineNumber }: ProfileNode["callFrame"]) =>
  `${functionName || "(anonymous)"}${url === "" ? "" : ` ${url.split("/").at(-1)}:${lineNumber + 1}`}`;

/** Self and total time by function; of a function that calls itself, the total counts once. */
function byFunction({ nodes, samples, timeDeltas }: CpuProfile): Map<string, { selfUs: number; totalUs: number }> {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const times = new Map<string, { selfUs: number; totalUs: number }>();
  for (const [index, sample] of samples.entries()) {
    const us = timeDeltas[index] ?? 0;
    const seen = new Set<string>();
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const node = known.get(id);
      if (node === undefined) break;
      const name = nameOf(node.callFrame);
      const time = times.get(name) ?? { selfUs: 0, totalUs: 0 };
      if (id === sample) time.selfUs += us;
      if (!seen.has(name)) time.totalUs += us;
      seen.add(name);
      times.set(name, time);
    }
  }
  return times;
}

function tell(profile: CpuProfile, requests: number): void {
  const times = [...byFunction(profile)].filter(([name]) => name !== "(idle)" && name !== "(root)");
  const busyUs = times.reduce((sum, [, { selfUs }]) => sum + selfUs, 0);
  const line = (name: string, self: number, total: number) =>
    `${((100 * self) / busyUs).toFixed(1).padStart(6)} % ${(self / requests).toFixed(1).padStart(8)} µs ${(total / requests).toFixed(1).padStart(8)} µs  ${name}`;
  const list = (by: "selfUs" | "totalUs") =>
    times
      .toSorted(([, a], [, b]) => b[by] - a[by])
      .slice(0, SHOWN)
      .map(([name, { selfUs, totalUs }]) => line(name, selfUs, totalUs))
      .join("\n");
  process.stdout.write(`${(busyUs / requests).toFixed(0)} µs a request in the isolate; self and total a request:\n`);
  process.stdout.write(`\nby self time\n${list("selfUs")}\n\nby total time\n${list("totalUs")}\n`);
}

const [row = "", which = "api", rounds = "20"] = process.argv.slice(2);
if (row !== "1" || !(which in WORKERS))
  throw new Error("usage: node bench/profile.ts 1 [api|unobserved|bare] [rounds]");
const name = which as keyof typeof WORKERS;
const reading = await startReading({ minify: false, inspect: true });
try {
  await ask(reading[name], WARM_UP_ROUNDS);
  const inspector = await Inspector.open(await reading.workers.inspectorOf(WORKERS[name]));
  tell(await record(inspector, reading[name], Number(rounds)), Number(rounds) * REQUESTS);
  inspector.close();
} finally {
  await reading.workers.stop();
}
process.exit();
