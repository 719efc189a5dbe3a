/** What an operation uses of each thing that has a price or a limit. */
import type { Counts } from "../../bench/workers/cost/counts.ts";
import type { WorkerId } from "./rig.ts";

/** What is counted, the same in every run. */
export interface Counted {
  /** Invocations by HTTP, by a queue and by a cron. */
  readonly requests: number;
  /** Calls of another Worker by a service binding. */
  readonly rpc: number;
  /** Outgoing HTTP. */
  readonly fetches: number;
  /** Invocations of the tail Worker: one for each of the others, their Durable Objects and RPC included. */
  readonly tails: number;
  /** Calls and alarms of Durable Objects, without those of the metrics' shards. */
  readonly objectRequests: number;
  readonly objectRowsRead: number;
  readonly objectRowsWritten: number;
  /** Round trips to D1, and those of them that write. */
  readonly d1Trips: number;
  readonly d1WriteTrips: number;
  readonly d1Queries: number;
  readonly d1RowsRead: number;
  readonly d1RowsWritten: number;
  readonly r2ClassA: number;
  readonly r2ClassB: number;
  readonly r2BytesWritten: number;
  readonly queueOperations: number;
  readonly transformations: number;
  readonly analyticsPoints: number;
  /** Lines of the service's log, and what is in them. */
  readonly logEvents: number;
  readonly logBytes: number;
  /** What the platform logs of an invocation by itself, where that is not turned off. */
  readonly invocationLogs: number;
  /** Of a trace: invocations, calls of bindings, statements of Durable Objects, and the service's own. */
  readonly spans: number;
}

/** What differs from run to run, and from machine to machine. */
export interface Timed {
  /** How long Durable Objects were asked, in ms. */
  readonly objectMs: number;
  /** Bodies of requests and answers. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** By Worker, in ms; an estimate. */
  readonly cpuMs: Readonly<Record<WorkerId, number>>;
  /** By which D1 grew. */
  readonly d1Bytes: number;
}

export type Usage = Counted & Timed;

/** Kept by the tail Worker, which nobody tails and whose traces are off. */
const UNTAILED = /^object\.(METRICS_SHARD|ALERT_DESK)\./;

type ByWorker = Partial<Readonly<Record<WorkerId, Counts>>>;

function sumsOf(workers: ByWorker): Counts {
  const sums: Record<string, number> = {};
  for (const [name, value] of Object.values(workers).flatMap(Object.entries<number>)) {
    sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}

/**
 * Adds up what some of the Workers counted. The rows that a Durable Object reads and writes are counted by the Worker it
 * belongs to, its requests by whoever asks.
 */
export function countedOf(workers: ByWorker): Counted {
  const sums = sumsOf(workers);
  const of = (name: string) => sums[name] ?? 0;
  const ofObjects = (what: string, alsoUntailed = false) =>
    Object.entries(sums)
      .filter(([name]) => name.startsWith("object.") && name.endsWith(`.${what}`))
      .filter(([name]) => alsoUntailed || !UNTAILED.test(name))
      .reduce((sum, [, value]) => sum + value, 0);
  const requests = of("requests.fetch") + of("requests.queue") + of("requests.cron");
  const consumed = sumsOf({ consumer: workers.consumer ?? {} });
  const ofTail = workers.tail?.spans ?? 0;
  return {
    requests,
    rpc: of("rpc"),
    fetches: of("fetches"),
    tails: requests + ofObjects("requests") + of("rpc"),
    objectRequests: ofObjects("requests", true),
    objectRowsRead: ofObjects("rowsRead"),
    objectRowsWritten: ofObjects("rowsWritten"),
    d1Trips: of("d1.trips"),
    d1WriteTrips: of("d1.writeTrips"),
    d1Queries: of("d1.queries"),
    d1RowsRead: of("d1.rowsRead"),
    d1RowsWritten: of("d1.rowsWritten"),
    r2ClassA: of("r2.classA"),
    r2ClassB: of("r2.classB"),
    r2BytesWritten: of("r2.bytesWritten"),
    queueOperations: of("queue.operations"),
    transformations: of("images.input"),
    analyticsPoints: of("analytics.points"),
    logEvents: of("log.events"),
    logBytes: of("log.bytes"),
    // The api's are turned off; the hasher and the consumer are all that is called by RPC.
    invocationLogs:
      (consumed["requests.queue"] ?? 0) +
      (consumed["requests.cron"] ?? 0) +
      of("rpc") +
      of("object.CIRCUIT_BREAKER.requests"),
    // Whoever is called has one for the invocation, and an object one for each statement.
    spans: of("spans") - ofTail + of("rpc") + ofObjects("requests") + ofObjects("spans"),
  };
}

/** `a` less `b`, nothing below zero. */
export function less(a: Counted, b: Counted): Counted {
  return mapCounted((name) => Math.max(0, a[name] - b[name]));
}

export function plus(a: Counted, b: Counted): Counted {
  return mapCounted((name) => a[name] + b[name]);
}

export function medianOf(all: readonly Counted[]): Counted {
  return mapCounted((name) => median(all.map((counted) => counted[name])));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const NOTHING = countedOf({});
export const COUNTED_NAMES = Object.keys(NOTHING) as readonly (keyof Counted)[];

function mapCounted(value: (name: keyof Counted) => number): Counted {
  return Object.fromEntries(COUNTED_NAMES.map((name) => [name, value(name)])) as unknown as Counted;
}
