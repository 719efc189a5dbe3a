import { BUCKETS_MS, type LabelsOf, METRICS, type MetricName } from "./metric-registry.ts";

/** Between the parts of a series' key; no label value holds it. */
const SEPARATOR = "\u001f";
const MAX_VALUE_CHARS = 128;

/** One time series as a string: the metric's name and the values of its labels, in the registry's order. */
export function seriesKey<N extends MetricName>(name: N, labels: LabelsOf<N>): string {
  let key: string = name;
  for (const label of METRICS[name].labels) {
    const value = (labels as Readonly<Record<string, string>>)[label] ?? "";
    key +=
      SEPARATOR + (value.length > MAX_VALUE_CHARS ? value.slice(0, MAX_VALUE_CHARS) : value).replaceAll(SEPARATOR, "?");
  }
  return key;
}

/** The parts of a {@link seriesKey}; null for one of a metric that is not there, or not of this shape. */
export function parseSeriesKey(key: string): { readonly name: MetricName; readonly values: readonly string[] } | null {
  const [name = "", ...values] = key.split(SEPARATOR);
  if (!Object.hasOwn(METRICS, name)) return null;
  const known = name as MetricName;
  return values.length === METRICS[known].labels.length ? { name: known, values } : null;
}

/** The metric's name of a {@link seriesKey}, whether or not it is known. */
export function metricOf(key: string): string {
  const end = key.indexOf(SEPARATOR);
  return end === -1 ? key : key.slice(0, end);
}

/** The bucket a duration falls into: an index of {@link BUCKETS_MS}, or its length for the unbounded one. */
export function bucketOf(durationMs: number): number {
  let bucket = 0;
  while (bucket < BUCKETS_MS.length && durationMs > (BUCKETS_MS[bucket] as number)) bucket++;
  return bucket;
}
