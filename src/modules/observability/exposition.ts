import type { ShardReading } from "../../../durable-objects/metrics-shard/contract.ts";
import { BUCKETS_MS, METRICS, type MetricName, type MetricSpec } from "../../kernel/metric-registry.ts";
import { parseSeriesKey } from "../../kernel/metric-series.ts";

export const EXPOSITION_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What one shard has added up. */
export interface ShardSamples {
  readonly shard: string;
  readonly reading: ShardReading;
}

/** A counter that the database keeps; `values` in the order of the registry's labels. */
export interface CounterSample {
  readonly name: string;
  readonly values: readonly string[];
  readonly value: number;
}

/** A label that is left out is empty, which is the same to Prometheus. */
export interface GaugeSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ExpositionInput {
  readonly shards: readonly ShardSamples[];
  readonly counters: readonly CounterSample[];
  readonly gauges: readonly GaugeSample[];
}

/** Gauges about a shard: they tell which one, as the series it holds do. */
const ABOUT_SHARDS: ReadonlySet<MetricName> = new Set(["metrics_shard_up", "metrics_shard_series"] as const);
const NAMES = Object.keys(METRICS) as MetricName[];
const BOUNDS: readonly string[] = [...BUCKETS_MS.map((ms) => String(ms / 1000)), "+Inf"];

const hasShard = (name: MetricName) => METRICS[name].source === "shards" || ABOUT_SHARDS.has(name);

/** A metric's labels as they are written. */
export function exposedLabels(name: MetricName): readonly string[] {
  return hasShard(name) ? [...METRICS[name].labels, "shard"] : METRICS[name].labels;
}

/**
 * All samples in Prometheus' text format 0.0.4: every metric of the registry, in its order, with its HELP and TYPE;
 * its series in the order of their labels. What is of no metric or of another kind is left out, as is what is no finite
 * number; of a series that is there twice, the first stays.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function writeExposition(input: ExpositionInput): string {
  const families = new Families();
  for (const { shard, reading } of input.shards) {
    for (const [key, value] of reading.counters) {
      const series = shardSeries(key, "counter");
      if (series !== null) families.addValue(series.name, [...series.values, shard], value);
    }
    for (const [key, sumMs, buckets] of reading.histograms) {
      const series = shardSeries(key, "histogram");
      if (series !== null) families.addHistogram(series.name, [...series.values, shard], sumMs, buckets);
    }
  }
  for (const { name, values, value } of input.counters) {
    if (isOf(name, "counter", "database") && values.length === METRICS[name].labels.length) {
      families.addValue(name, values, value);
    }
  }
  for (const { name, labels, value } of input.gauges) {
    if (!isOf(name, "gauge", "scrape")) continue;
    const values = exposedLabels(name).map((label) => labels[label] ?? "");
    families.addValue(name, values, value);
  }
  return NAMES.map((name) => families.write(name)).join("");
}

function isOf(name: string, type: MetricSpec["type"], source: MetricSpec["source"]): name is MetricName {
  if (!Object.hasOwn(METRICS, name)) return false;
  const spec = METRICS[name as MetricName];
  return spec.type === type && spec.source === source;
}

function shardSeries(key: string, type: "counter" | "histogram") {
  const series = parseSeriesKey(key);
  return series !== null && isOf(series.name, type, "shards") ? series : null;
}

class Families {
  /** The lines of each series, by its labels as they are written. */
  readonly #series = new Map<MetricName, Map<string, string>>();

  addValue(name: MetricName, values: readonly string[], value: number): void {
    if (!Number.isFinite(value)) return;
    this.#add(name, values, (labels) => `${name}${braced(labels)} ${decimal(value)}\n`);
  }

  /** Buckets of other bounds than today's can't be told, so they are left out. */
  addHistogram(name: MetricName, values: readonly string[], sumMs: number, buckets: readonly number[]): void {
    if (buckets.length !== BOUNDS.length || ![sumMs, ...buckets].every(Number.isFinite)) return;
    this.#add(name, values, (labels) => {
      let count = 0;
      let lines = "";
      for (const [index, bound] of BOUNDS.entries()) {
        count += buckets[index] ?? 0;
        lines += `${name}_bucket${braced([...labels, `le="${bound}"`])} ${decimal(count)}\n`;
      }
      return `${lines}${name}_sum${braced(labels)} ${decimal(sumMs / 1000)}\n${name}_count${braced(labels)} ${decimal(count)}\n`;
    });
  }

  write(name: MetricName): string {
    const { help, type } = METRICS[name];
    const series = [...(this.#series.get(name) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${series.map(([, lines]) => lines).join("")}`;
  }

  #add(name: MetricName, values: readonly string[], linesOf: (labels: readonly string[]) => string): void {
    const labels = exposedLabels(name).flatMap((label, index) => {
      const value = values[index] ?? "";
      return value === "" ? [] : [`${label}="${escapeValue(value)}"`];
    });
    const key = labels.join(",");
    const family = this.#series.get(name) ?? new Map<string, string>();
    this.#series.set(name, family);
    if (!family.has(key)) family.set(key, linesOf(labels));
  }
}

function braced(labels: readonly string[]): string {
  return labels.length === 0 ? "" : `{${labels.join(",")}}`;
}

/** Without a sign of zero; with an exponent only from 1e21 and below 1e-6, as Go reads it, too. */
function decimal(value: number): string {
  return String(value === 0 ? 0 : value);
}

/** Half of a surrogate pair, which a cut-off value may end in, is no UTF-8, and NUL ends Prometheus' input. */
function escapeValue(value: string): string {
  return value
    .toWellFormed()
    .replaceAll("\u0000", "\ufffd")
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
