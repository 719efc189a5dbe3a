import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CountingMetrics, countingMetrics } from "../../../test/support/counting-metrics.ts";
import { VERSION } from "../../kernel/version.ts";
import type { Span } from "../../ports/telemetry-export.ts";
import { SHIPPER_LIMITS } from "../telemetry-export/shipper.ts";
import { type OtlpFake, startOtlpFake } from "./fake.ts";
import { createOtlpShipper, type OtlpOptions } from "./otlp.ts";

const FAST = { ...SHIPPER_LIMITS, flushAfterMs: 5, pollMs: 2, firstPauseMs: 2, longestPauseMs: 20, timeoutMs: 300 };
const HEADERS = { "x-honeycomb-team": "key-1" };
const logger = { log() {} };

let fake: OtlpFake;
let metrics: CountingMetrics;

beforeEach(async () => {
  fake = await startOtlpFake({ headers: HEADERS });
  metrics = countingMetrics();
});

afterEach(() => fake.close());

const span: Span = {
  service: "api",
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: null,
  name: "GET /api/health",
  kind: "server",
  startedAt: 1_700_000_000_000,
  endedAt: 1_700_000_000_020,
  attributes: new Map(),
  isError: false,
};

async function ship(changes: readonly Partial<Span>[], options: Partial<OtlpOptions> = {}) {
  const given = { url: fake.url, headers: HEADERS, environment: "production", limits: FAST } as const;
  const otlp = createOtlpShipper({ ...given, ...options }).within({ metrics, logger });
  otlp.add(changes.map((change) => ({ ...span, ...change })));
  await otlp.ship();
  return metrics.counts();
}

describe("createOtlpShipper", () => {
  it("sends a span as OpenTelemetry has it, under the Worker it is of", async () => {
    const attributes = new Map<string, string | number | boolean>([
      ["http.response.status_code", 404],
      ["ratio", 0.5],
      ["huge", 1e300],
      ["degraded", true],
      ["http.route", "/api/health"],
    ]);
    const counts = await ship([
      { attributes, startedAt: 1_700_000_000_000.25 },
      { service: "consumer", kind: "client", parentSpanId: "00f067aa0ba902b7", isError: true },
    ]);
    expect(counts).toEqual({ "telemetry_items_total otlp sent": 2 });
    const resource = (name: string) => ({
      "service.name": name,
      "service.version": VERSION,
      "deployment.environment.name": "production",
    });
    const { traceId, spanId, name } = span;
    const common = { traceId, spanId, name, endNs: "1700000000020000000" };
    expect(fake.spans).toEqual([
      {
        ...common,
        resource: resource("ai-styler-api"),
        parentSpanId: "",
        kind: 2,
        startNs: "1700000000000250000",
        attributes: Object.fromEntries(attributes),
        status: 0,
      },
      {
        ...common,
        resource: resource("ai-styler-consumer"),
        parentSpanId: "00f067aa0ba902b7",
        kind: 3,
        startNs: "1700000000000000000",
        attributes: {},
        status: 2,
      },
    ]);
  });

  it.each(["", "/", "/v1/traces", "/v1/traces/"])("reaches the collector from the url and %j", async (end) => {
    await ship([{}], { url: fake.url + end });
    expect(fake.spans).toHaveLength(1);
  });

  it("knows all kinds, and spans without time", async () => {
    const kinds = ["internal", "server", "client", "consumer"] as const;
    await ship(kinds.map((kind) => ({ kind, startedAt: 0, endedAt: 0 })));
    expect(fake.spans.map(({ kind, startNs }) => [kind, startNs])).toEqual([1, 2, 3, 5].map((kind) => [kind, "0"]));
  });

  it("counts spans that a collector did not take of a batch as dropped", async () => {
    fake.refuseSpans(2);
    expect(await ship([{}, {}, {}])).toEqual({
      "telemetry_items_total otlp sent": 1,
      "telemetry_items_total otlp dropped": 2,
    });
  });

  it.each(["bad", "redirect"] as const)("drops what is answered with %s", async (script) => {
    fake.script(script);
    expect(await ship([{}])).toEqual({ "telemetry_items_total otlp dropped": 1 });
    expect(fake.counts().followed).toBe(0);
  });

  it("sends again after failures that pass", async () => {
    fake.script("limited", "error", "reset", "hang");
    expect(await ship([{}])).toEqual({ "telemetry_items_total otlp sent": 1 });
    expect(fake.spans).toHaveLength(1);
  });

  it("drops what is refused for want of a key", async () => {
    expect(await ship([{}], { headers: {} })).toEqual({ "telemetry_items_total otlp dropped": 1 });
  });
});

describe("startOtlpFake", () => {
  const good = {
    traceId: span.traceId,
    spanId: span.spanId,
    name: "x",
    kind: 1,
    startTimeUnixNano: "1",
    endTimeUnixNano: "2",
  };
  const attribute = (value: unknown) => ({ attributes: [{ key: "k", value }] });

  it.each<[string, object, number]>([
    ["a good span", {}, 200],
    ["base64 for hex", { traceId: "Cvd2UZFs1D3YRIvrIRyAMQ==" }, 400],
    ["a trace of zeros", { traceId: "0".repeat(32) }, 400],
    ["a short span id", { spanId: "b7ad" }, 400],
    ["a parent that is none", { parentSpanId: "x" }, 400],
    ["no name", { name: "" }, 400],
    ["a kind in words", { kind: "SPAN_KIND_SERVER" }, 400],
    ["a kind there is not", { kind: 6 }, 400],
    ["a number as time", { startTimeUnixNano: 1 }, 400],
    ["a time beyond 64 bits", { endTimeUnixNano: "99999999999999999999" }, 400],
    ["an end before the start", { startTimeUnixNano: "3" }, 400],
    ["a bare value", attribute("v"), 400],
    ["a number as intValue", attribute({ intValue: 1 }), 400],
    ["two values", attribute({ intValue: "1", boolValue: true }), 400],
    ["a text as boolValue", attribute({ boolValue: "true" }), 400],
    [
      "a key twice",
      {
        attributes: [
          { key: "k", value: { intValue: "1" } },
          { key: "k", value: { intValue: "1" } },
        ],
      },
      400,
    ],
  ])("answers %s with %s", async (_what, change, expected) => {
    const response = await fetch(`${fake.url}/v1/traces`, {
      method: "POST",
      headers: { ...HEADERS, "Content-Type": "application/json" },
      body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...good, ...change }] }] }] }),
    });
    expect(response.status).toBe(expected);
    expect(fake.spans).toHaveLength(expected === 200 ? 1 : 0);
  });
});
