import { DurableObject } from "cloudflare:workers";
import type { ApplyAnswer, MetricsBatch, MetricsShardApi, ShardReading } from "./contract.ts";
import { type Applied, applyBatch, readingOf, type ShardState } from "./shard.ts";

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS counters (series TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS histograms (series TEXT PRIMARY KEY, sum_ms REAL NOT NULL, buckets TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS sources (source TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
];
/** Far longer than any isolate tries to hand on a batch: see `GIVE_UP_MS` of the recorder. */
const SOURCE_TTL_MS = 24 * 60 * 60_000;
const PRUNE_EVERY_MS = 60 * 60_000;

/**
 * One shard of the metrics: adds up what its isolates counted. Each method decides and writes in one synchronous turn,
 * and answers leave when the write is durable (output gate), so no value that anybody has seen is ever taken back.
 */
export class MetricsShard extends DurableObject implements MetricsShardApi {
  /** What the tables hold; null until it is first needed. */
  #state: ShardState | null = null;
  #prunedAt = 0;

  async apply(batch: MetricsBatch): Promise<ApplyAnswer> {
    const applied = applyBatch(this.#load(), batch);
    if (applied === null) return { dropped: 0 };
    try {
      this.ctx.storage.transactionSync(() => this.#store(batch, applied, Date.now()));
    } catch (error) {
      // What is in memory is ahead of what is stored: it must be read anew before anybody sees it.
      this.#state = null;
      throw error;
    }
    return { dropped: applied.dropped };
  }

  async read(): Promise<ShardReading> {
    return readingOf(this.#load());
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  /** Read once in an object's life in memory. */
  #load(): ShardState {
    if (this.#state !== null) return this.#state;
    for (const statement of SCHEMA) this.#sql.exec(statement);
    const counters = this.#sql.exec<{ series: string; value: number }>("SELECT series, value FROM counters");
    const histograms = this.#sql.exec<{ series: string; sumMs: number; buckets: string }>(
      "SELECT series, sum_ms AS sumMs, buckets FROM histograms",
    );
    const sources = this.#sql.exec<{ source: string; seq: number }>("SELECT source, seq FROM sources");
    this.#state = {
      counters: new Map([...counters].map(({ series, value }) => [series, value])),
      histograms: new Map(
        [...histograms].map(({ series, sumMs, buckets }) => [series, { sumMs, buckets: JSON.parse(buckets) }]),
      ),
      sources: new Map([...sources].map(({ source, seq }) => [source, seq])),
    };
    return this.#state;
  }

  /** One statement a table, whatever the number of series; a statement has a hundred parameters at the most. */
  #store({ source, seq }: MetricsBatch, { counters, histograms }: Applied, now: number): void {
    if (counters.length > 0) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO counters SELECT value ->> 0, value ->> 1 FROM json_each(?)",
        JSON.stringify(counters),
      );
    }
    if (histograms.length > 0) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO histograms SELECT value ->> 0, value ->> 1, value -> 2 FROM json_each(?)",
        JSON.stringify(histograms),
      );
    }
    this.#sql.exec("INSERT OR REPLACE INTO sources (source, seq, at) VALUES (?, ?, ?)", source, seq, now);
    if (now - this.#prunedAt >= PRUNE_EVERY_MS) this.#prune(now);
  }

  /** Isolates that have long gone. */
  #prune(now: number): void {
    this.#prunedAt = now;
    const gone = this.#sql.exec<{ source: string }>(
      "DELETE FROM sources WHERE at <= ? RETURNING source",
      now - SOURCE_TTL_MS,
    );
    for (const { source } of gone) this.#state?.sources.delete(source);
  }
}
