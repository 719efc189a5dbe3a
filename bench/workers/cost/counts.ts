/** What this isolate has done: names of things that cost something, and how many there were. */
export type Counts = Record<string, number>;

let counts: Counts = {};
/** Invocations that have not answered yet. */
let busy = 0;

export function count(name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by;
}

/** Something that is, instead of something that happens: the last value counts, and it is kept over a reset. */
const gauges: Counts = {};

export function gauge(name: string, value: number): void {
  gauges[name] = value;
}

/** Runs an invocation, which counts as under way until it has answered. */
export async function invocation<T>(name: string, run: () => T | Promise<T>): Promise<T> {
  count(name);
  count("spans");
  busy++;
  try {
    return await run();
  } finally {
    busy--;
  }
}

/** Everything since the last reset. */
export function reading(reset: boolean): { readonly busy: number; readonly counts: Counts; readonly gauges: Counts } {
  const answer = { busy, counts, gauges };
  if (reset) counts = {};
  return answer;
}

const log = console.log;
// Every event of the service's log goes through here.
console.log = (...line: unknown[]) => {
  count("log.events");
  count("log.bytes", new TextEncoder().encode(line.join(" ")).byteLength);
  log(...line);
};
