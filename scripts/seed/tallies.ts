/** What is counted beside its facts: business counters, the providers' days, and the averages of the stages' times. */
import type { DatabaseSync } from "node:sqlite";
import type { DatabaseCounter } from "../../src/kernel/metric-registry.ts";
import { type ConversionKind, WORK_STAGES } from "../../src/modules/conversions/conversion.ts";
import { type StageTimes, usualTimes } from "../../src/modules/conversions/stage-timings.ts";
import type { ProviderId } from "../../src/ports/image-generator.ts";
import type { CallRow, Job } from "./job.ts";

/** As in src/db/d1/repositories/stage-timings.ts: the weight of a new sample is one in so many. */
const MEMORY = 8;

/** The numbers of a row of `provider_spend`, in the order of its columns. */
const SPEND = [
  "calls",
  "succeeded",
  "failed",
  "prompt_tokens",
  "output_tokens",
  "cost_micros",
  "reserved_micros",
  "duration_ms",
] as const;

interface Timing {
  times: StageTimes;
  updatedAt: number;
}

function add<K>(map: Map<K, number>, key: K, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}

export class Tallies {
  readonly #db: DatabaseSync;
  readonly #counters = new Map<string, number>();
  readonly #spend = new Map<string, number[]>();
  readonly #timings = new Map<string, Timing>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    for (const row of db.prepare("SELECT * FROM stage_timings").all()) {
      const times = Object.fromEntries(WORK_STAGES.map((stage) => [stage, Number(row[`${stage}_ms`])]));
      const timing = { times: times as unknown as StageTimes, updatedAt: Number(row.updated_at) };
      this.#timings.set(JSON.stringify([row.kind, row.provider]), timing);
    }
  }

  count(name: DatabaseCounter, labels: readonly string[], by = 1): void {
    add(this.#counters, JSON.stringify([name, JSON.stringify(labels)]), by);
  }

  /** How long the stages of recent conversions took. */
  usual(kind: ConversionKind, provider: ProviderId): StageTimes {
    return this.#timings.get(JSON.stringify([kind, provider]))?.times ?? usualTimes(provider);
  }

  #sample(kind: ConversionKind, provider: ProviderId, sample: StageTimes, at: number): void {
    const key = JSON.stringify([kind, provider]);
    const known = this.#timings.get(key)?.times ?? sample;
    const averaged = WORK_STAGES.map((stage) => [
      stage,
      Math.round(known[stage] + (sample[stage] - known[stage]) / MEMORY),
    ]);
    this.#timings.set(key, { times: Object.fromEntries(averaged), updatedAt: at });
  }

  #called(call: CallRow): void {
    const key = JSON.stringify([call.day, call.provider, call.model]);
    const sums = this.#spend.get(key) ?? SPEND.map(() => 0);
    const ended = call.outcome !== "pending";
    const succeeded = call.outcome === "success";
    const tokens = [call.promptTokens ?? 0, call.outputTokens ?? 0];
    const durationMs = ended ? Math.max(0, (call.endedAt ?? 0) - call.startedAt) : 0;
    const cost = [call.costMicros, ended ? 0 : call.costMicros];
    const row = [1, succeeded ? 1 : 0, ended && !succeeded ? 1 : 0, ...tokens, ...cost, durationMs];
    this.#spend.set(
      key,
      SPEND.map((_, i) => (sums[i] ?? 0) + (row[i] ?? 0)),
    );
    if (ended) this.count("provider_calls_total", [call.provider, call.model, call.outcome]);
  }

  job({ row, calls, end, times }: Job): void {
    const { kind, providerUsed, providerRequested, completedAt } = row;
    this.count("conversions_created_total", [kind]);
    this.count("quota_units_total", ["reserved"]);
    for (const call of calls) this.#called(call);
    if (end === null) return;
    this.count("conversions_total", [kind, providerUsed ?? providerRequested ?? "default", end]);
    this.count("quota_units_total", [end === "succeeded" ? "committed" : "released"]);
    if (providerUsed && times) this.#sample(kind, providerUsed, times, completedAt ?? 0);
  }

  /** Adds what came since the last time to the tables; belongs into the transaction of the facts. */
  flush(): void {
    const counter = this.#db.prepare(
      `INSERT INTO business_counters (name, labels, value) VALUES (?, ?, ?)
        ON CONFLICT (name, labels) DO UPDATE SET value = value + excluded.value`,
    );
    for (const [key, value] of this.#counters) {
      const [name, labels] = JSON.parse(key) as [string, string];
      counter.run(name, labels, value);
    }
    const spend = this.#db.prepare(
      `INSERT INTO provider_spend (day, provider, model, ${SPEND.join(", ")}) VALUES (?, ?, ?${", ?".repeat(SPEND.length)})
        ON CONFLICT (day, provider, model) DO UPDATE SET ${SPEND.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`,
    );
    for (const [key, sums] of this.#spend) spend.run(...(JSON.parse(key) as string[]), ...sums);
    const timing = this.#db.prepare(
      `INSERT OR REPLACE INTO stage_timings (kind, provider, fetching_ms, generating_ms, encoding_ms, storing_ms, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const [key, { times, updatedAt }] of this.#timings) {
      timing.run(...(JSON.parse(key) as string[]), ...WORK_STAGES.map((stage) => times[stage]), updatedAt);
    }
    this.#counters.clear();
    this.#spend.clear();
  }
}
