import { metricOf, parseSeriesKey, seriesKey } from "../../src/kernel/metric-series.ts";
import type { Metrics } from "../../src/ports/metrics.ts";

/** Metrics to look at: each series as the metric's name and its labels' values, `telemetry_items_total loki sent`. */
export interface CountingMetrics extends Metrics {
  counts(): Readonly<Record<string, number>>;
  durations(): Readonly<Record<string, readonly number[]>>;
}

const shown = (key: string) => [metricOf(key), ...(parseSeriesKey(key)?.values ?? [])].join(" ");

export function countingMetrics(): CountingMetrics {
  const counts = new Map<string, number>();
  const durations = new Map<string, number[]>();
  return {
    count(name, labels, by = 1) {
      const series = shown(seriesKey(name, labels));
      counts.set(series, (counts.get(series) ?? 0) + by);
    },
    time(name, labels, durationMs) {
      const series = shown(seriesKey(name, labels));
      durations.set(series, [...(durations.get(series) ?? []), durationMs]);
    },
    counts: () => Object.fromEntries(counts),
    durations: () => Object.fromEntries(durations),
  };
}
