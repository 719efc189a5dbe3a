/** How far a month is from what the platform, or the service as it is built, can do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../stack-env.ts";
import type { Assumptions } from "./assumptions.ts";
import type { Measured } from "./measured.ts";
import { MONTH_SECONDS, type Month, SHARDS } from "./model.ts";
import { GIGABYTE } from "./prices.ts";

/** A database of D1 holds no more. */
const D1_BYTES = 10 * GIGABYTE;
/** Of the one writer of a database: 3 to 10 ms for each transaction. An estimate. */
const D1_WRITES = 200;
/** Simple reads of one database, a millisecond each. An estimate. */
const D1_READS = 1_000;
/** A soft limit of the platform's. */
const OBJECT_REQUESTS = 1_000;
/** Of a queue. */
const QUEUE_MESSAGES = 5_000;
/** Calls of a provider's circuit for each job: may it be asked, and what became of it. */
const CIRCUIT_REQUESTS = 2;
/** Calls of a country's limiter for each sign-up: taken, and settled when the code was entered. */
const COUNTRY_REQUESTS = 2;
/** Pictures that retention removes in a minute at the most: `sweep-retention.ts`. */
const SWEPT = 1_000;

export interface Limit {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  /** What would have to change. */
  readonly then: string;
}

/** How many jobs run at a time at the most: the consumer's `max_concurrency`. */
export function jobsAtATime(): number {
  const text = readFileSync(join(ROOT, "src/workers/consumer/wrangler.toml"), "utf8");
  const found = /^max_concurrency = (\d+)$/m.exec(text)?.[1];
  if (found === undefined) throw new Error("the consumer's wrangler.toml names no max_concurrency");
  return Number(found);
}

/** How long a job takes on average, in seconds: it computes, and waits for its provider. Other waits are left out. */
function jobSeconds({ operations }: Measured, { mix }: Month, a: Assumptions): number {
  if (mix.create === 0) return 0;
  const computed = (["jobLocal", "jobLocalLarge", "jobGemini", "jobGeminiLarge"] as const).reduce(
    (sum, id) => sum + mix[id] * operations[id].cpuMs.consumer,
    0,
  );
  return computed / mix.create / 1_000 + (a.provider === "local" ? 0 : a.providerSeconds);
}

/** After how many such months the database is full; 0 where the users alone fill it, infinite where it never is. */
export function monthsUntilFull({ d1: { usersBytes, monthlyBytes } }: Pick<Month, "d1">): number {
  return monthlyBytes === 0 ? Number.POSITIVE_INFINITY : Math.max(0, (D1_BYTES - usersBytes) / monthlyBytes);
}

/** At the busiest minute, those nearest to their limit first. */
export function limitsOf(measured: Measured, month: Month, a: Assumptions): readonly Limit[] {
  const { mix, total, flushes, bill } = month;
  const atPeak = (times: number) => (times / MONTH_SECONDS) * a.peak;
  const removed = (mix.retention / MONTH_SECONDS) * 60;
  const limit = (name: string, value: number, most: number, unit: string, then: string): Limit => {
    return { name, value, limit: most, unit, then };
  };
  const limits = [
    limit(
      "D1: size",
      bill.d1Bytes / GIGABYTE,
      D1_BYTES / GIGABYTE,
      "GB",
      "Postgres, or a database for each part of the users",
    ),
    limit(
      "D1: writing round trips",
      atPeak(total.d1WriteTrips),
      D1_WRITES,
      "/s",
      "Postgres, or a database for each part of the users",
    ),
    limit(
      "D1: reading round trips",
      atPeak(total.d1Trips - total.d1WriteTrips),
      D1_READS,
      "/s",
      "read replicas, then Postgres",
    ),
    limit(
      "Jobs at a time",
      atPeak(mix.create) * jobSeconds(measured, month, a),
      jobsAtATime(),
      "jobs",
      "a higher max_concurrency (250 at the most), then more queues",
    ),
    limit("Queue of jobs", atPeak(mix.create), QUEUE_MESSAGES, "messages/s", "more queues"),
    limit(
      "Limiter of a country",
      atPeak(mix.signUp * COUNTRY_REQUESTS),
      OBJECT_REQUESTS,
      "requests/s",
      "a limiter for each part of a country",
    ),
    limit(
      "Circuit of a provider",
      a.provider === "local" ? 0 : atPeak(mix.create * CIRCUIT_REQUESTS),
      OBJECT_REQUESTS,
      "requests/s",
      "isolates that ask less often",
    ),
    limit("Shard of the metrics", atPeak(flushes) / SHARDS, OBJECT_REQUESTS, "requests/s", "more METRICS_SHARDS"),
    limit("Retention", removed, SWEPT, "pictures/min", "larger sweeps"),
  ];
  return limits.toSorted((x, y) => y.value / y.limit - x.value / x.limit);
}
