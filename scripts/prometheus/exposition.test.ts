import { expect, it } from "vitest";
import { BUCKETS_MS, METRICS, type MetricName, type MetricSpec } from "../../src/kernel/metric-registry.ts";
import { type ExpositionInput, exposedLabels, writeExposition } from "../../src/modules/observability/exposition.ts";
import { FIND_PROMETHEUS_MS, prometheusOrSkip } from "./for-tests.ts";
import { runPromtool } from "./promtool.ts";

const HOSTILE = '\\"}\n{a="b"} 1\r\u0000\ud800é💥\u2028 # EOF\\';

/** A series of every metric, with `value` for each of its labels. */
function everySeries(value: string): ExpositionInput {
  const counters: ExpositionInput["counters"][number][] = [];
  const gauges: ExpositionInput["gauges"][number][] = [];
  const reading: { counters: [string, number][]; histograms: [string, number, number[]][] } = {
    counters: [],
    histograms: [],
  };
  for (const [name, { type, source, labels }] of Object.entries<MetricSpec>(METRICS)) {
    const values = labels.map(() => value);
    const series = [name, ...values].join("\u001f");
    if (type === "histogram") reading.histograms.push([series, 1234.5, [...BUCKETS_MS, 1]]);
    else if (type === "gauge") {
      const all = exposedLabels(name as MetricName).map((label) => [label, value] as const);
      gauges.push({ name, labels: Object.fromEntries(all), value: 1e-9 });
    } else if (source === "shards") reading.counters.push([series, 2 ** 53]);
    else counters.push({ name, values, value: 0.1 });
  }
  return { shards: [{ shard: "shard-0", reading }], counters, gauges };
}

const INPUTS: Readonly<Record<string, ExpositionInput>> = {
  "of every metric": everySeries("plain"),
  "of hostile labels": everySeries(HOSTILE),
  "of nothing yet": { shards: [], counters: [], gauges: [] },
};

for (const [name, input] of Object.entries(INPUTS)) {
  it(`promtool finds no fault in an exposition ${name}`, { timeout: FIND_PROMETHEUS_MS }, async (test) => {
    const { promtool } = await prometheusOrSkip(test);
    expect(await runPromtool(promtool, ["check", "metrics"], writeExposition(input))).toEqual({ code: 0, output: "" });
  });
}

it("promtool finds the fault in a broken one", { timeout: FIND_PROMETHEUS_MS }, async (test) => {
  const { promtool } = await prometheusOrSkip(test);
  const text = writeExposition(everySeries("plain")).replace('operation="plain"', 'operation="plain');
  expect((await runPromtool(promtool, ["check", "metrics"], text)).code).not.toBe(0);
});
