import type { DatabaseCounter } from "../../kernel/metric-registry.ts";

/** One series of a counter that is counted in the transaction of the fact; `values` in the registry's label order. */
export interface CounterReading {
  readonly name: DatabaseCounter;
  readonly values: readonly string[];
  readonly value: number;
}

/** What the calls of a model have cost since the beginning, as far as they have ended. None of these ever falls. */
export interface ModelTotals {
  readonly provider: string;
  readonly model: string;
  /** Millionths of a US dollar. */
  readonly costMicros: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** What the database tells of the business at one moment. */
export interface BusinessReading {
  /** Those of metrics that this version knows; a series that nothing was counted for is not there. */
  readonly counters: readonly CounterReading[];
  readonly models: readonly ModelTotals[];
  /** Of the UTC day, with what calls under way are expected to cost. */
  readonly spentTodayMicros: number;
  readonly active: Readonly<Record<"queued" | "processing", number>>;
  /** How long the oldest active conversion that is due has been waiting for a worker; 0 when none is. */
  readonly lagMs: number;
  /** Outbox entries that are due; counted up to 1,000. */
  readonly outboxDue: number;
}

export interface BusinessMetrics {
  /** @param now epoch ms: what is due, and which day it is, are told by it. */
  read(now: number): Promise<BusinessReading>;
  /** File name of the migration that was applied last; null where migrations left no record. */
  latestMigration(): Promise<string | null>;
}
