import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CountingMetrics, countingMetrics } from "../../../test/support/counting-metrics.ts";
import type { LogLine } from "../../ports/telemetry-export.ts";
import { SHIPPER_LIMITS } from "../telemetry-export/shipper.ts";
import { type LokiFake, startLokiFake } from "./fake.ts";
import { createLokiShipper, type LokiOptions } from "./loki.ts";

const FAST = { ...SHIPPER_LIMITS, flushAfterMs: 5, pollMs: 2, firstPauseMs: 2, longestPauseMs: 20, timeoutMs: 300 };
const AUTHORIZATION = "Basic dXNlcjprZXk=";
const logger = { log() {} };

let fake: LokiFake;
let metrics: CountingMetrics;

beforeEach(async () => {
  fake = await startLokiFake({ authorization: AUTHORIZATION });
  metrics = countingMetrics();
});

afterEach(() => fake.close());

function line(text: string, change: Partial<LogLine> = {}): LogLine {
  return { service: "api", level: "info", at: Date.now(), text, ids: {}, ...change };
}

async function ship(lines: readonly LogLine[], options: Partial<LokiOptions> = {}) {
  const given = { url: fake.url, authorization: AUTHORIZATION, environment: "preview", limits: FAST } as const;
  const loki = createLokiShipper({ ...given, ...options }).within({ metrics, logger });
  loki.add(lines);
  await loki.ship();
  return metrics.counts();
}

describe("createLokiShipper", () => {
  it("sends a line under few labels, its ids as structured metadata, its text as it is", async () => {
    const text = '{"msg":"quote \\" and \\u0000"}\u0000\u001b[31m\u2028é😀';
    const at = Date.now();
    const ids = { requestId: "req_1", traceId: "0af7651916cd43dd8448eb211c80319c", conversionId: "cnv_1" };
    await ship([line(text, { at, ids, level: "error", service: "consumer" })]);
    expect(fake.lines).toEqual([
      {
        stream: { service: "consumer", env: "preview", level: "error" },
        ns: `${at}000000`,
        line: text,
        metadata: ids,
      },
    ]);
  });

  it.each(["", "/", "/loki/api/v1/push", "/loki/api/v1/push/"])(
    "reaches the push API from the url and %j",
    async (end) => {
      await ship([line("x")], { url: fake.url + end });
      expect(fake.lines).toHaveLength(1);
    },
  );

  it("keeps equal lines of one millisecond apart, and their order", async () => {
    const at = Date.now();
    await ship([line("same", { at }), line("other", { at }), line("same", { at })]);
    expect(fake.lines.map((kept) => kept.line)).toEqual(["same", "other", "same"]);
    expect(fake.lines.map(({ ns }) => ns)).toEqual(fake.lines.map(({ ns }) => ns).toSorted());
    expect(fake.duplicates()).toBe(0);
  });

  it("sorts the lines of each stream by time", async () => {
    const now = Date.now();
    const ages = [5, 3, 9, 1, 7];
    await ship(ages.map((age) => line(`${age}`, { at: now - age, level: age % 2 ? "info" : "warn" })));
    expect(fake.lines.map((kept) => kept.line)).toEqual(["9", "7", "5", "3", "1"]);
  });

  it("a line of a time that Loki would refuse comes under the time it is handed on", async () => {
    const now = Date.now();
    expect(await ship([0, now - 8 * 86_400_000, now + 3_600_000, 4e12].map((at) => line("x", { at })))).toEqual({
      "telemetry_items_total loki sent": 4,
    });
    for (const { ns } of fake.lines) expect(Number(ns.slice(0, -6))).toBeGreaterThanOrEqual(now);
  });

  it("what was kept and not acknowledged is there once", async () => {
    fake.script("lost", "hang", "error");
    expect(await ship([line("a"), line("b")])).toEqual({ "telemetry_items_total loki sent": 2 });
    expect(fake.lines.map((kept) => kept.line)).toEqual(["a", "b"]);
    expect(fake.duplicates()).toBe(2);
    expect(fake.counts().pushes).toBe(4);
  });

  it("follows no redirect: neither key nor log goes where an answer points", async () => {
    fake.script("redirect");
    expect(await ship([line("a")])).toEqual({ "telemetry_items_total loki dropped": 1 });
    expect(fake.counts()).toEqual({ pushes: 1, refused: 0, followed: 0 });
  });

  it("drops what a wrong key is refused with, at once", async () => {
    expect(await ship([line("a")], { authorization: "Basic d3Jvbmc=" })).toEqual({
      "telemetry_items_total loki dropped": 1,
    });
    expect(fake.counts().refused).toBe(1);
  });

  it("makes a push that Loki takes of any lines", async () => {
    const any = fc.record({
      text: fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units).toWellFormed()),
      at: fc.double({ min: 0, max: 4e12, noNaN: true }),
      level: fc.constantFrom("debug" as const, "error" as const),
      ids: fc.dictionary(
        fc.constant("requestId"),
        fc.string().map((text) => text.toWellFormed()),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 20 }), async (lines) => {
        fake.reset();
        metrics = countingMetrics();
        expect(await ship(lines.map(({ text, ...rest }) => line(text, rest)))).toEqual({
          "telemetry_items_total loki sent": lines.length,
        });
        expect(fake.lines.map((kept) => kept.line).toSorted()).toEqual(lines.map(({ text }) => text).toSorted());
      }),
      { numRuns: 10 },
    );
  });
});

describe("startLokiFake", () => {
  const stream = { service: "api" };
  const ns = () => `${Date.now()}000000`;

  it.each<[string, unknown]>([
    ["no JSON", "{"],
    ["no streams", {}],
    ["no labels", { streams: [{ stream: {}, values: [] }] }],
    ["a label's name with a dash", { streams: [{ stream: { "service-name": "x" }, values: [] }] }],
    ["a label that is no text", { streams: [{ stream: { service: 1 }, values: [] }] }],
    ["values that are no list", { streams: [{ stream, values: {} }] }],
    ["a number as timestamp", { streams: [{ stream, values: [[Date.now() * 1e6, "x"]] }] }],
    ["milliseconds", { streams: [{ stream, values: [[String(Date.now()), "x"]] }] }],
    ["a line of next week", { streams: [{ stream, values: [[`${Date.now() + 7 * 86_400_000}000000`, "x"]] }] }],
    ["a line that is no text", { streams: [{ stream, values: [[ns(), 1]] }] }],
    ["a long line", { streams: [{ stream, values: [[ns(), "x".repeat(300_000)]] }] }],
    ["one element", { streams: [{ stream, values: [[ns()]] }] }],
    ["four elements", { streams: [{ stream, values: [[ns(), "x", {}, {}]] }] }],
    ["metadata that is no text", { streams: [{ stream, values: [[ns(), "x", { attempt: 1 }]] }] }],
    ["metadata that is a list", { streams: [{ stream, values: [[ns(), "x", ["a"]]] }] }],
  ])("refuses %s and keeps nothing", async (_what, body) => {
    const response = await fetch(`${fake.url}/loki/api/v1/push`, {
      method: "POST",
      headers: { Authorization: AUTHORIZATION, "Content-Type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(fake.lines).toEqual([]);
  });
});
