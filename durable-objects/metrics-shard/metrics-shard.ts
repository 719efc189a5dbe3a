import { DurableObject } from "cloudflare:workers";
import type { ApplyAnswer, MetricsBatch, MetricsShardApi, ShardReading } from "./contract.ts";
import { type Applied, applyBatch, readingOf, type ShardState } from "./shard.ts";

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS counters (series TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS histograms (series TEXT PRIMARY KEY, sum_ms REAL NOT NULL, buckets TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS sources (source TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, batch TEXT NOT NULL, at INTEGER NOT NULL)",
];
/** Batches are kept as they came until there are so many: a row each, where their series would be dozens. */
const FOLD_AT = 64;
/** Far longer than any isolate tries to hand on a batch: see `GIVE_UP_MS` of the recorder. */
const SOURCE_TTL_MS = 24 * 60 * 60_000;

/** What is in memory and in the journal, and not yet in the other tables. */
interface Unfolded {
  batches: number;
  readonly counters: Set<string>;
  readonly histograms: Set<string>;
  /** When each source was heard last. */
  readonly sources: Map<string, number>;
}

/**
 * One shard of the metrics: adds up what its isolates counted. Each method decides and writes in one synchronous turn,
 * and answers leave when the write is durable (output gate), so no value that anybody has seen is ever taken back.
 *
 * A batch is written as one row of a journal; every so many, the totals of the series they touched are written and the
 * journal is emptied, in one transaction. What is stored is the totals and, on top of them, the journal.
 */
export class MetricsShard extends DurableObject implements MetricsShardApi {
  /** What the tables hold; null until it is first needed. */
  #state: ShardState | null = null;
  #unfolded = nothingUnfolded();

  async apply(batch: MetricsBatch): Promise<ApplyAnswer> {
    const state = this.#load();
    const applied = applyBatch(state, batch);
    if (applied === null) return { dropped: 0 };
    const now = Date.now();
    this.#note(batch.source, applied, now);
    try {
      this.ctx.storage.transactionSync(() => {
        if (this.#unfolded.batches >= FOLD_AT) this.#fold(state, now);
        else this.#sql.exec("INSERT INTO journal (batch, at) VALUES (?, ?)", JSON.stringify(batch), now);
      });
    } catch (error) {
      // What is in memory is ahead of what is stored: it must be read anew before anybody sees it.
      this.#state = null;
      throw error;
    }
    if (this.#unfolded.batches >= FOLD_AT) this.#unfolded = nothingUnfolded();
    return { dropped: applied.dropped };
  }

  async read(): Promise<ShardReading> {
    return readingOf(this.#load());
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  #note(source: string, { counters, histograms }: Applied, at: number): void {
    this.#unfolded.batches++;
    this.#unfolded.sources.set(source, at);
    for (const [series] of counters) this.#unfolded.counters.add(series);
    for (const [series] of histograms) this.#unfolded.histograms.add(series);
  }

  /** Read once in an object's life in memory. */
  #load(): ShardState {
    if (this.#state !== null) return this.#state;
    for (const statement of SCHEMA) this.#sql.exec(statement);
    const state = this.#loadTotals();
    this.#unfolded = nothingUnfolded();
    for (const { batch, at } of this.#sql.exec<{ batch: string; at: number }>(
      "SELECT batch, at FROM journal ORDER BY id",
    )) {
      const parsed = JSON.parse(batch) as MetricsBatch;
      const applied = applyBatch(state, parsed);
      if (applied !== null) this.#note(parsed.source, applied, at);
    }
    this.#state = state;
    return state;
  }

  #loadTotals(): ShardState {
    const counters = this.#sql.exec<{ series: string; value: number }>("SELECT series, value FROM counters");
    const histograms = this.#sql.exec<{ series: string; sumMs: number; buckets: string }>(
      "SELECT series, sum_ms AS sumMs, buckets FROM histograms",
    );
    const sources = this.#sql.exec<{ source: string; seq: number }>("SELECT source, seq FROM sources");
    return {
      counters: new Map([...counters].map(({ series, value }) => [series, value])),
      histograms: new Map(
        [...histograms].map(({ series, sumMs, buckets }) => [series, { sumMs, buckets: JSON.parse(buckets) }]),
      ),
      sources: new Map([...sources].map(({ source, seq }) => [source, seq])),
    };
  }

  /** One statement a table, whatever the number of series; a statement has a hundred parameters at the most. */
  #fold(state: ShardState, now: number): void {
    const { counters, histograms, sources } = this.#unfolded;
    const totals = [...counters].map((series) => [series, state.counters.get(series)]);
    this.#sql.exec(
      "INSERT OR REPLACE INTO counters SELECT value ->> 0, value ->> 1 FROM json_each(?)",
      JSON.stringify(totals),
    );
    const spreads = [...histograms].map((series) => {
      const { sumMs, buckets } = state.histograms.get(series) ?? { sumMs: 0, buckets: [] };
      return [series, sumMs, buckets];
    });
    this.#sql.exec(
      "INSERT OR REPLACE INTO histograms SELECT value ->> 0, value ->> 1, value -> 2 FROM json_each(?)",
      JSON.stringify(spreads),
    );
    const heard = [...sources].map(([source, at]) => [source, state.sources.get(source), at]);
    this.#sql.exec(
      "INSERT OR REPLACE INTO sources SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
      JSON.stringify(heard),
    );
    this.#sql.exec("DELETE FROM journal");
    this.#prune(state, now);
  }

  /** Isolates that have long gone. */
  #prune(state: ShardState, now: number): void {
    const gone = this.#sql.exec<{ source: string }>(
      "DELETE FROM sources WHERE at <= ? RETURNING source",
      now - SOURCE_TTL_MS,
    );
    for (const { source } of gone) state.sources.delete(source);
  }
}

function nothingUnfolded(): Unfolded {
  return { batches: 0, counters: new Set(), histograms: new Set(), sources: new Map() };
}
