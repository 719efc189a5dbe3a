import { metricOf, seriesKey } from "../../src/kernel/metric-series.ts";
import type { CounterDelta, HistogramDelta, MetricsBatch, ShardReading } from "./contract.ts";

interface Histogram {
  readonly sumMs: number;
  readonly buckets: readonly number[];
}

/** What a shard holds. */
export interface ShardState {
  readonly counters: Map<string, number>;
  readonly histograms: Map<string, Histogram>;
  /** The latest batch of each source that was applied. */
  readonly sources: Map<string, number>;
}

/** The new totals of the series that a batch has touched. */
export interface Applied {
  readonly counters: readonly CounterDelta[];
  readonly histograms: readonly HistogramDelta[];
  readonly dropped: number;
}

/** Of both kinds together: label values come from outside, and memory and scrapes must stay small. */
export const MAX_SERIES = 2_000;

export function emptyShard(): ShardState {
  return { counters: new Map(), histograms: new Map(), sources: new Map() };
}

const samplesOf = (buckets: readonly number[]) => buckets.reduce((sum, count) => sum + count, 0);

const plus = (a: readonly number[], b: readonly number[]): number[] =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0));

/**
 * Adds a batch to the state, unless it or a later one of its source has been added before: then null. What has no room
 * is counted in `metrics_samples_dropped_total`, which always has.
 */
export function applyBatch(state: ShardState, batch: MetricsBatch): Applied | null {
  const latest = state.sources.get(batch.source) ?? 0;
  if (batch.seq <= latest) return null;
  state.sources.set(batch.source, batch.seq);
  const touched = { counters: new Set<string>(), histograms: new Set<string>() };
  let dropped = 0;

  const add = (series: string, by: number) => {
    state.counters.set(series, (state.counters.get(series) ?? 0) + by);
    touched.counters.add(series);
  };
  const drop = (metric: string, reason: string, samples: number) => {
    dropped += samples;
    add(seriesKey("metrics_samples_dropped_total", { metric, reason }), samples);
  };
  const hasRoom = (known: boolean) => known || state.counters.size + state.histograms.size < MAX_SERIES;

  for (const { seq, samples } of batch.abandoned) {
    // One that was applied after all, and only never acknowledged, is no loss.
    if (seq > latest) for (const [metric, count] of samples) drop(metric, "abandoned", count);
  }
  for (const [series, by] of batch.counters) {
    if (metricOf(series) === "metrics_samples_dropped_total" || hasRoom(state.counters.has(series))) add(series, by);
    else drop(metricOf(series), "shard_limit", by);
  }
  for (const [series, sumMs, buckets] of batch.histograms) {
    const before = state.histograms.get(series);
    if (!hasRoom(before !== undefined)) {
      drop(metricOf(series), "shard_limit", samplesOf(buckets));
      continue;
    }
    const after = { sumMs: (before?.sumMs ?? 0) + sumMs, buckets: plus(before?.buckets ?? [], buckets) };
    state.histograms.set(series, after);
    touched.histograms.add(series);
  }
  return {
    counters: [...touched.counters].map((series) => [series, state.counters.get(series) ?? 0]),
    histograms: [...touched.histograms].map((series) => {
      const { sumMs = 0, buckets = [] } = state.histograms.get(series) ?? {};
      return [series, sumMs, buckets];
    }),
    dropped,
  };
}

export function readingOf(state: ShardState): ShardReading {
  return {
    counters: [...state.counters],
    histograms: [...state.histograms].map(([series, { sumMs, buckets }]) => [series, sumMs, buckets]),
  };
}
