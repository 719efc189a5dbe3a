import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Family, parseExposition } from "../../../test/support/exposition-parser.ts";
import { BUCKETS_MS, METRICS, type MetricName } from "../../kernel/metric-registry.ts";
import { seriesKey } from "../../kernel/metric-series.ts";
import { type ExpositionInput, exposedLabels, writeExposition } from "./exposition.ts";

const NAMES = Object.keys(METRICS) as MetricName[];
const SEPARATOR = "\u001f";
const NOTHING: ExpositionInput = { shards: [], counters: [], gauges: [] };

const key = (name: MetricName, values: readonly string[]) => [name, ...values].join(SEPARATOR);
const write = (input: Partial<ExpositionInput>) => parseExposition(writeExposition({ ...NOTHING, ...input }));
const samplesOf = (families: readonly Family[]) => families.flatMap(({ samples }) => samples);
const request = (status: string) => seriesKey("http_requests_total", { method: "GET", route: "/a", status });
const shard = (name: string, reading: Partial<ExpositionInput["shards"][number]["reading"]>) => ({
  shard: name,
  reading: { counters: [], histograms: [], ...reading },
});

describe("what is written", () => {
  it("has HELP and TYPE of every metric in the registry's order, also where nothing was counted", () => {
    const families = write({});
    expect(families.map(({ name, help, type }) => ({ name, help, type }))).toEqual(
      NAMES.map((name) => ({ name, help: METRICS[name].help, type: METRICS[name].type })),
    );
    expect(samplesOf(families)).toEqual([]);
  });

  it("has a counter of two shards twice, with the registry's labels in order and the shard last", () => {
    const counters = [[request("200"), 3] as const];
    const text = writeExposition({
      ...NOTHING,
      shards: [shard("shard-1", { counters }), shard("shard-0", { counters })],
    });
    expect(text.split("\n").filter((line) => line.startsWith("http_requests_total"))).toEqual([
      'http_requests_total{method="GET",route="/a",status="200",shard="shard-0"} 3',
      'http_requests_total{method="GET",route="/a",status="200",shard="shard-1"} 3',
    ]);
  });

  it("has a histogram in seconds, its buckets adding up to its count", () => {
    const buckets = [1, 2, ...Array<number>(BUCKETS_MS.length - 2).fill(0), 4];
    const series = seriesKey("queue_message_duration_seconds", { queue: "sms" });
    const text = writeExposition({
      ...NOTHING,
      shards: [shard("shard-0", { histograms: [[series, 12_345.5, buckets]] })],
    });
    const lines = text.split("\n").filter((line) => line.startsWith("queue_message_duration_seconds"));
    const labels = 'queue="sms",shard="shard-0"';
    expect(lines).toEqual([
      `queue_message_duration_seconds_bucket{${labels},le="0.005"} 1`,
      ...["0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300"].map(
        (le) => `queue_message_duration_seconds_bucket{${labels},le="${le}"} 3`,
      ),
      `queue_message_duration_seconds_bucket{${labels},le="+Inf"} 7`,
      `queue_message_duration_seconds_sum{${labels}} 12.3455`,
      `queue_message_duration_seconds_count{${labels}} 7`,
    ]);
  });

  it("has what the database and the scrape tell without a shard, but for gauges about shards", () => {
    const text = writeExposition({
      shards: [],
      counters: [{ name: "conversions_total", values: ["style", "local", "succeeded"], value: 2 }],
      gauges: [
        { name: "conversions_active", labels: { status: "queued", shard: "not-its-label" }, value: 0 },
        { name: "metrics_shard_up", labels: { shard: "shard-0" }, value: 1 },
        { name: "conversions_lag_seconds", labels: {}, value: -0 },
      ],
    });
    expect(text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
      'conversions_total{kind="style",provider="local",status="succeeded"} 2',
      'conversions_active{status="queued"} 0',
      "conversions_lag_seconds 0",
      'metrics_shard_up{shard="shard-0"} 1',
    ]);
  });

  it("is the same whatever the order it came in", () => {
    const counters = ["500", "200", "404"].map((status, index) => [request(status), index + 1] as const);
    const [forth, back] = [counters, counters.toReversed()].map((each) =>
      writeExposition({ ...NOTHING, shards: [shard("shard-0", { counters: each })] }),
    );
    expect(forth).toBe(back);
  });
});

describe("what is left out", () => {
  it.each<[string, Partial<ExpositionInput>]>([
    ["keys of no metric", { shards: [shard("s", { counters: [["no_such_metric", 1] as const] })] }],
    ["keys named as what every object has", { shards: [shard("s", { counters: [["toString", 1] as const] })] }],
    ["keys of too few parts", { shards: [shard("s", { counters: [[key("http_requests_total", ["GET"]), 1]] })] }],
    ["keys of too many parts", { shards: [shard("s", { counters: [[`${request("200")}${SEPARATOR}a`, 1]] })] }],
    [
      "histograms among the counters",
      { shards: [shard("s", { counters: [[key("queue_message_duration_seconds", ["q"]), 1]] })] },
    ],
    [
      "counters of the database from a shard",
      { shards: [shard("s", { counters: [["user_registrations_total", 1]] })] },
    ],
    [
      "counters of the shards from the database",
      { counters: [{ name: "database_errors_total", values: ["a"], value: 1 }] },
    ],
    ["counters of other labels", { counters: [{ name: "conversions_created_total", values: [], value: 1 }] }],
    ["gauges that are none", { gauges: [{ name: "user_registrations_total", labels: {}, value: 1 }] }],
    ["what is no number", { gauges: [{ name: "conversions_lag_seconds", labels: {}, value: Number.NaN }] }],
    [
      "what has no end",
      { counters: [{ name: "user_registrations_total", values: [], value: Number.POSITIVE_INFINITY }] },
    ],
    [
      "buckets of other bounds",
      { shards: [shard("s", { histograms: [[key("queue_message_duration_seconds", ["q"]), 1, [1, 2]]] })] },
    ],
    [
      "histograms with what is no number",
      {
        shards: [
          shard("s", { histograms: [[key("queue_message_duration_seconds", ["q"]), Number.NaN, [...BUCKETS_MS, 0]]] }),
        ],
      },
    ],
  ])("%s", (_, input) => {
    expect(samplesOf(write(input))).toEqual([]);
  });

  it("the second sample of a series: of a shard, of values that are the same once written, of a gauge", () => {
    const twice = [
      [request("200"), 1],
      [request("200"), 2],
      [request("\ud800"), 3],
      [request("\udfff"), 4],
      [request("\ufffd"), 5],
    ] as const;
    const gauge = { name: "conversions_lag_seconds", labels: {} };
    const families = write({
      shards: [shard("shard-0", { counters: twice }), shard("shard-0", { counters: [[request("200"), 9]] })],
      gauges: [
        { ...gauge, value: 6 },
        { ...gauge, value: 7 },
      ],
    });
    expect(samplesOf(families).map(({ value }) => value)).toEqual([1, 3, 6]);
  });
});

describe("any input", () => {
  /** Everything that may break a line, a quotation or an encoding, and text of all kinds. */
  const hostile = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."\\\n\r\"'{},= #n\u0000\u0007\u2028é💥".split(""), "\ud800", "a") }),
    fc.string({ unit: "binary" }),
  );
  const value = fc.oneof(
    fc.nat(),
    fc.double({ min: 0, max: 1e15, noNaN: true }),
    fc.constantFrom(0, 1e-9, 1e21, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY),
  );
  const bucketsOf = fc.array(fc.nat(1_000), { minLength: BUCKETS_MS.length + 1, maxLength: BUCKETS_MS.length + 1 });

  /** A value for each label of a metric, and for its shard. */
  const series = fc.constantFrom(...NAMES).chain((name) =>
    fc.record({
      name: fc.constant(name),
      values: fc.array(hostile, { minLength: METRICS[name].labels.length, maxLength: METRICS[name].labels.length }),
      shard: fc.constantFrom("shard-0", "shard-1"),
      value,
      buckets: bucketsOf,
    }),
  );
  type Series = typeof series extends fc.Arbitrary<infer S> ? S : never;

  const ofKind = (all: readonly Series[], type: string, source: string) =>
    all.filter(({ name }) => METRICS[name].type === type && METRICS[name].source === source);

  function toInput(all: readonly Series[]): ExpositionInput {
    const shards = all.map((each) => {
      const series = key(each.name, each.values);
      const counters = ofKind([each], "counter", "shards").map(() => [series, each.value] as const);
      const histograms = ofKind([each], "histogram", "shards").map(() => [series, each.value, each.buckets] as const);
      return shard(each.shard, { counters, histograms });
    });
    const gauges = ofKind(all, "gauge", "scrape").map((each) => {
      const labels = METRICS[each.name].labels.map((label, index) => [label, each.values[index] ?? ""] as const);
      return { name: each.name, labels: { ...Object.fromEntries(labels), shard: each.shard }, value: each.value };
    });
    return { shards, counters: ofKind(all, "counter", "database"), gauges };
  }

  /** As a reader gets it: what can't be sent is replaced, and an empty label is none. */
  function expectedOf(each: Series): readonly [name: string, labels: string, value: number][] {
    const values = each.values.map((text) => text.toWellFormed().replaceAll("\u0000", "\ufffd"));
    const labels = exposedLabels(each.name)
      .map((label, index) => [label, values[index] ?? each.shard] as const)
      .filter(([, text]) => text !== "");
    const told = JSON.stringify(labels);
    // No key of a series holds what its parts are told apart by.
    const isKey = METRICS[each.name].source !== "shards" || !each.values.some((text) => text.includes(SEPARATOR));
    if (!isKey || !Number.isFinite(each.value)) return [];
    if (METRICS[each.name].type !== "histogram") return [[each.name, told, each.value]];
    return [
      [`${each.name}_sum`, told, each.value / 1000],
      [`${each.name}_count`, told, each.buckets.reduce((sum, count) => sum + count, 0)],
    ];
  }

  it("reads back as it was, each series once, whatever its labels hold", () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 30 }), (all) => {
        const read = samplesOf(parseExposition(writeExposition(toInput(all)))).filter(
          ({ name }) => !name.endsWith("_bucket"),
        );
        const expected = new Map<string, number>();
        for (const [name, labels, number] of all.flatMap(expectedOf)) {
          if (!expected.has(`${name}${labels}`)) expected.set(`${name}${labels}`, number);
        }
        const found = read.map(
          ({ name, labels, value: number }) => [`${name}${JSON.stringify(labels)}`, number] as const,
        );
        expect(new Map(found)).toEqual(expected);
        expect(found.length).toBe(expected.size);
      }),
      { numRuns: 500 },
    );
  });
});
