import type {
  AbandonedBatch,
  CounterDelta,
  HistogramDelta,
  MetricsBatch,
} from "../../../durable-objects/metrics-shard/contract.ts";
import { BUCKETS_MS } from "../../kernel/metric-registry.ts";
import { bucketOf, metricOf, seriesKey } from "../../kernel/metric-series.ts";

interface Histogram {
  sumMs: number;
  readonly buckets: number[];
}

/** More than an isolate ever sees: label values come from outside, and memory must stay small. */
const MAX_SERIES = 1_000;

/** Samples added up until they are handed on: as large as the number of series, however many samples there are. */
export class SampleBuffer {
  readonly #counters = new Map<string, number>();
  readonly #histograms = new Map<string, Histogram>();
  /** Of series there was no room for, by metric. */
  readonly #dropped = new Map<string, number>();

  count(series: string, by: number): void {
    const before = this.#counters.get(series);
    if (before === undefined && this.#isFull()) this.#drop(series, by);
    else this.#counters.set(series, (before ?? 0) + by);
  }

  time(series: string, durationMs: number): void {
    let histogram = this.#histograms.get(series);
    if (histogram === undefined) {
      if (this.#isFull()) {
        this.#drop(series, 1);
        return;
      }
      histogram = { sumMs: 0, buckets: Array(BUCKETS_MS.length + 1).fill(0) };
      this.#histograms.set(series, histogram);
    }
    const bucket = bucketOf(durationMs);
    histogram.sumMs += durationMs;
    histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
  }

  /** Samples there was no room for. */
  get lost(): number {
    return [...this.#dropped.values()].reduce((sum, samples) => sum + samples, 0);
  }

  /** As a batch. `extra` counts what is about handing on itself. */
  toBatch(
    source: string,
    seq: number,
    abandoned: readonly AbandonedBatch[],
    extra: readonly CounterDelta[],
  ): MetricsBatch {
    const dropped = [...this.#dropped].map(
      ([metric, samples]): CounterDelta => [
        seriesKey("metrics_samples_dropped_total", { metric, reason: "isolate_limit" }),
        samples,
      ],
    );
    const histograms = [...this.#histograms].map(
      ([series, { sumMs, buckets }]): HistogramDelta => [series, sumMs, [...buckets]],
    );
    return { source, seq, counters: [...this.#counters, ...dropped, ...extra], histograms, abandoned };
  }

  #isFull(): boolean {
    return this.#counters.size + this.#histograms.size >= MAX_SERIES;
  }

  #drop(series: string, samples: number): void {
    const metric = metricOf(series);
    this.#dropped.set(metric, (this.#dropped.get(metric) ?? 0) + samples);
  }
}

/** How many samples of each metric a batch holds, for a batch that is given up. */
export function samplesOf({ counters, histograms }: MetricsBatch): AbandonedBatch["samples"] {
  const samples = new Map<string, number>();
  const add = (series: string, count: number) =>
    samples.set(metricOf(series), (samples.get(metricOf(series)) ?? 0) + count);
  for (const [series, by] of counters) add(series, by);
  for (const [series, , buckets] of histograms) {
    add(
      series,
      buckets.reduce((sum, count) => sum + count, 0),
    );
  }
  return [...samples];
}
