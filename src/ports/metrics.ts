import type { LabelsOf, ShardCounter, ShardHistogram } from "../kernel/metric-registry.ts";

/**
 * Counts what this isolate sees. Cheap, synchronous, never throws. What is recorded reaches `/api/metrics` within
 * seconds, once, and is never taken back; what can't be kept is counted as dropped.
 */
export interface Metrics {
  /** Adds `by` (default 1) to a counter. */
  count<N extends ShardCounter>(name: N, labels: LabelsOf<N>, by?: number): void;
  /** Adds one duration to a histogram. */
  time<N extends ShardHistogram>(name: N, labels: LabelsOf<N>, durationMs: number): void;
}

/** Counts nothing. */
export const noMetrics: Metrics = { count() {}, time() {} };
