/** RPC types of the MetricsShard object: all that src/ may import of it. Plain data only. */

/** A series' key (see `seriesKey`) and what is added to it. */
export type CounterDelta = readonly [series: string, by: number];
/** Sum in milliseconds, and how many durations fell into each bucket of `BUCKETS_MS` and the unbounded one. */
export type HistogramDelta = readonly [series: string, sumMs: number, buckets: readonly number[]];

/** Samples of a batch that its isolate gives up, by metric. */
export interface AbandonedBatch {
  readonly seq: number;
  readonly samples: readonly (readonly [metric: string, samples: number])[];
}

/** What one isolate has counted in a few seconds. Sent again it is the same, byte for byte. */
export interface MetricsBatch {
  /** The isolate, at random. */
  readonly source: string;
  /** Grows by each batch of a source, which sends them in order. */
  readonly seq: number;
  readonly counters: readonly CounterDelta[];
  readonly histograms: readonly HistogramDelta[];
  /** Earlier batches that were never acknowledged: lost, unless the shard has had them after all. */
  readonly abandoned: readonly AbandonedBatch[];
}

export interface ApplyAnswer {
  /** Samples that are lost for good, of this batch and of those abandoned: no room for their series, or never arrived. */
  readonly dropped: number;
}

export interface ShardReading {
  /** Totals since the shard came to be. */
  readonly counters: readonly CounterDelta[];
  readonly histograms: readonly HistogramDelta[];
}

export interface MetricsShardApi {
  /**
   * Adds a batch, once: one that was applied before, or that a later one of its source has overtaken, changes nothing.
   * The answer leaves when the batch is durable.
   */
  apply(batch: MetricsBatch): Promise<ApplyAnswer>;
  /** All series. No value it tells is ever taken back. */
  read(): Promise<ShardReading>;
}
