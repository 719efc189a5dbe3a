/**
 * `node bench/profile.ts <row> [isolate] [rounds]`: what an isolate does while row 1, 2 or 5 is loaded, by function and
 * by file, in bundles that are not minified. Shares are what counts: the profiler itself takes its part, and what native
 * code takes that no function of the isolate has called is in `(program)`.
 */
import { BARE_CREATE, REQUESTS as CREATES, startCreating } from "./creating.ts";
import { type CpuProfile, Inspector, type ProfileNode } from "./inspector.ts";
import { load } from "./load.ts";
import { BARE as BARE_PIPELINE, startPipeline } from "./pipeline.ts";
import { startReading } from "./reading.ts";
import { API, CONSUMER, HOLDING } from "./service.ts";
import type { Simulated } from "./simulators.ts";

const CONNECTIONS = 32;
const READS = 500;
const JOBS = 25;
const WARM_UP_ROUNDS = 4;
const OPTIONS = { minify: false, inspect: true };
const TAIL = "ai-styler-tail";

/** A row that can be loaded: each isolate's Worker, and the load that it is profiled under. */
interface Scenario {
  readonly workers: Simulated;
  /** Requests, or jobs, of one round. */
  readonly size: number;
  readonly isolates: Readonly<Record<string, { readonly worker: string; readonly round: () => Promise<unknown> }>>;
  stop(): Promise<void>;
}

async function reading(): Promise<Scenario> {
  const started = await startReading(OPTIONS);
  const ask = (of: "api" | "unobserved" | "bare") => () => {
    const { url, path, headers } = started[of];
    return load({ url, paths: [path], connections: CONNECTIONS, requests: READS, headers });
  };
  const isolates = {
    api: { worker: API, round: ask("api") },
    unobserved: { worker: "bench-api-unobserved", round: ask("unobserved") },
    bare: { worker: "bench-bare", round: ask("bare") },
    tail: { worker: TAIL, round: ask("api") },
  };
  return { workers: started.workers, size: READS, isolates, stop: () => started.workers.stop() };
}

async function creating(): Promise<Scenario> {
  const { workers, api, bare } = await startCreating(OPTIONS);
  const isolates = {
    api: { worker: HOLDING, round: () => api.rate() },
    bare: { worker: BARE_CREATE, round: () => bare.rate() },
    tail: { worker: TAIL, round: () => api.rate() },
  };
  return { workers, size: CREATES, isolates, stop: () => workers.stop() };
}

/** Creating what waits is a part of the load, and none of what is profiled. */
async function running(): Promise<Scenario> {
  const pipeline = await startPipeline(OPTIONS);
  const jobs = async () => pipeline.runJobs(await pipeline.hold(JOBS));
  const isolates = {
    consumer: { worker: CONSUMER, round: jobs },
    bare: { worker: BARE_PIPELINE, round: () => pipeline.runRows(JOBS) },
    tail: { worker: TAIL, round: jobs },
  };
  return { workers: pipeline.workers, size: JOBS, isolates, stop: () => pipeline.stop() };
}

const ROWS: Readonly<
  Record<string, { readonly start: () => Promise<Scenario>; readonly isolates: readonly string[] }>
> = {
  1: { start: reading, isolates: ["api", "unobserved", "bare", "tail"] },
  2: { start: creating, isolates: ["api", "bare", "tail"] },
  5: { start: running, isolates: ["consumer", "bare", "tail"] },
};
const USAGE = Object.entries(ROWS)
  .map(([row, { isolates }]) => `usage: node bench/profile.ts ${row} [${isolates.join("|")}] [rounds]`)
  .join("\n");
const SAMPLE_EVERY_US = 200;
const SHOWN = 25;
/** Not the isolate's work. */
const NO_WORK = new Set(["(idle)", "(root)"]);

interface Time {
  selfUs: number;
  /** Of a function that calls itself, once. */
  totalUs: number;
}

/** Where a bundle's line comes from: the bundler writes a comment above each file it takes in. */
function fileFinder(sources: ReadonlyMap<string, string>): (frame: ProfileNode["callFrame"]) => string {
  const files = new Map<string, string[]>();
  for (const [scriptId, source] of sources) {
    let file = "";
    const ofLine = source.split("\n").map((line) => {
      file = /^\s*\/\/ ([\w@./+-]+\.[cm]?[jt]sx?)$/.exec(line)?.[1] ?? file;
      return file.replace(/^(\.\.\/)*(node_modules\/)?/, "");
    });
    files.set(scriptId, ofLine);
  }
  return ({ scriptId, url, lineNumber }) => files.get(scriptId)?.[lineNumber] || url || "(native)";
}

/** Times by whatever `keyOf` makes of a function. */
function timesBy({ nodes, samples, timeDeltas }: CpuProfile, keyOf: (frame: ProfileNode["callFrame"]) => string) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const keys = new Map(nodes.map(({ id, callFrame }) => [id, keyOf(callFrame)]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const times = new Map<string, Time>();
  for (const [index, sample] of samples.entries()) {
    if (NO_WORK.has(known.get(sample)?.callFrame.functionName ?? "")) continue;
    // What is longer is no sample's: meanwhile another isolate had the thread.
    const us = Math.min(timeDeltas[index] ?? 0, 2 * SAMPLE_EVERY_US);
    const seen = new Set<string>();
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const key = keys.get(id) ?? "";
      const time = times.get(key) ?? { selfUs: 0, totalUs: 0 };
      if (id === sample) time.selfUs += us;
      if (!seen.has(key)) time.totalUs += us;
      seen.add(key);
      times.set(key, time);
    }
  }
  return times;
}

function table(times: ReadonlyMap<string, Time>, by: keyof Time, requests: number): string {
  const busyUs = [...times.values()].reduce((sum, { selfUs }) => sum + selfUs, 0);
  const number = (value: number) => value.toFixed(1).padStart(7);
  return [...times]
    .filter(([name]) => !NO_WORK.has(name.trim()))
    .toSorted(([, a], [, b]) => b[by] - a[by])
    .slice(0, SHOWN)
    .map(([name, time]) => {
      const { selfUs, totalUs } = time;
      return `${number((100 * time[by]) / busyUs)} % ${number(selfUs / requests)} ${number(totalUs / requests)}  ${name}`;
    })
    .join("\n");
}

function tell(profile: CpuProfile, sources: ReadonlyMap<string, string>, requests: number): void {
  const fileOf = fileFinder(sources);
  const functions = timesBy(profile, (frame) => {
    const name = frame.functionName || "(anonymous)";
    return name.startsWith("(") && frame.url === "" ? name : `${name}  ${fileOf(frame)}`;
  });
  const files = timesBy(profile, fileOf);
  const say = (title: string, lines: string) => process.stdout.write(`\n${title}\n${lines}\n`);
  say(
    "functions by self time: share, µs a request itself and with what it calls",
    table(functions, "selfUs", requests),
  );
  say("functions by total time", table(functions, "totalUs", requests));
  say("files by self time", table(files, "selfUs", requests));
}

async function main([row = "", name, rounds = "20"]: readonly string[]): Promise<void> {
  const known = ROWS[row];
  const isolateName = name ?? known?.isolates[0] ?? "";
  if (!known?.isolates.includes(isolateName) || !/^\d+$/.test(rounds)) throw new Error(USAGE);
  const { workers, size, isolates, stop } = await known.start();
  try {
    const isolate = isolates[isolateName];
    if (isolate === undefined) throw new Error(USAGE);
    const work = async (times: number) => {
      for (let round = 0; round < times; round++) await isolate.round();
    };
    await work(WARM_UP_ROUNDS);
    const inspector = await Inspector.open(await workers.inspectorOf(isolate.worker));
    const profile = await inspector.profile(SAMPLE_EVERY_US, () => work(Number(rounds)));
    tell(profile, await inspector.sources(), Number(rounds) * size);
    inspector.close();
  } finally {
    await stop();
  }
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  process.stderr.write(`profile: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
