/**
 * `node bench/profile.ts 1 [api|unobserved|bare|tail] [rounds]`: what an isolate does while row 1 is loaded, by function and by file,
 * in bundles that are not minified. Shares are what counts: the profiler itself takes its part, and what native code
 * takes that no function of the isolate has called is in `(program)`.
 */
import { type CpuProfile, Inspector, type ProfileNode } from "./inspector.ts";
import { load } from "./load.ts";
import { startReading, type Target } from "./reading.ts";

const ISOLATES = {
  api: { worker: "ai-styler-api", loaded: "api" },
  unobserved: { worker: "bench-api-unobserved", loaded: "unobserved" },
  bare: { worker: "bench-bare", loaded: "bare" },
  tail: { worker: "ai-styler-tail", loaded: "api" },
} as const;
const USAGE = `usage: node bench/profile.ts 1 [${Object.keys(ISOLATES).join("|")}] [rounds]`;
const CONNECTIONS = 32;
const REQUESTS = 500;
const WARM_UP_ROUNDS = 4;
const SAMPLE_EVERY_US = 200;
const SHOWN = 25;
/** Not the isolate's work. */
const NO_WORK = new Set(["(idle)", "(root)"]);

interface Time {
  selfUs: number;
  /** Of a function that calls itself, once. */
  totalUs: number;
}

async function ask({ url, path, headers }: Target, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await load({ url, paths: [path], connections: CONNECTIONS, requests: REQUESTS, headers });
  }
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

async function main([row, which = "api", rounds = "20"]: readonly string[]): Promise<void> {
  const isolate = Object.entries(ISOLATES).find(([name]) => name === which)?.[1];
  if (row !== "1" || isolate === undefined || !/^\d+$/.test(rounds)) throw new Error(USAGE);
  const reading = await startReading({ minify: false, inspect: true });
  try {
    const target = reading[isolate.loaded];
    await ask(target, WARM_UP_ROUNDS);
    const inspector = await Inspector.open(await reading.workers.inspectorOf(isolate.worker));
    const profile = await inspector.profile(SAMPLE_EVERY_US, () => ask(target, Number(rounds)));
    tell(profile, await inspector.sources(), Number(rounds) * REQUESTS);
    inspector.close();
  } finally {
    await reading.workers.stop();
  }
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  process.stderr.write(`profile: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
