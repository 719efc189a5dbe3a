import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTailServices } from "../../../src/composition/tail-services.ts";
import { watchInvocations } from "../../../src/modules/observability/jobs.ts";
import type { Alert } from "../../../src/ports/alerts.ts";
import { toInvocation } from "../../../src/providers/cloudflare/trace-items.ts";
import { loki, otlp, tailStage, traceItem, watchConsole } from "./support.ts";

const LINES = 1_000;
const INVOCATIONS = 100;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

beforeEach(async () => {
  await Promise.all([loki.reset(), otlp.reset()]);
});

afterEach(() => {
  vi.restoreAllMocks();
});

function ownLine(fields: object): string {
  return JSON.stringify({ time: new Date().toISOString(), level: "info", msg: "x", service: "api", ...fields });
}

describe("log lines", () => {
  it(`${LINES} lines of ${INVOCATIONS} invocations at once are there exactly once, though a third of the pushes fails`, async () => {
    watchConsole();
    // Every third push fails, in all ways, and one of them only after it was kept.
    await loki.always("error", "ok", "ok", "lost", "ok", "ok", "limited", "ok", "ok", "reset", "ok", "ok");
    const { invoke, counts } = tailStage();
    const padding = "x".repeat(3_000);
    const each = LINES / INVOCATIONS;
    await Promise.all(
      Array.from({ length: INVOCATIONS }, async (_, i) => {
        await sleep(Math.random() * 500);
        await invoke(traceItem(Array.from({ length: each }, (_line, j) => ownLine({ n: i * each + j, padding })))).done;
      }),
    );
    const { kept, counts: pushes } = await loki.read();
    const numbers = kept.lines.map(({ line }) => (JSON.parse(line) as { n: number }).n).toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: LINES }, (_, n) => n));
    expect(kept.duplicates).toBeGreaterThan(0);
    expect(pushes.pushes).toBeGreaterThan(6);
    expect(pushes.refused).toBe(0);
    expect(await counts()).toMatchObject({
      "telemetry_items_total loki sent": LINES,
      "invocations_total api fetch ok": INVOCATIONS,
    });
    expect(await counts()).not.toHaveProperty("telemetry_items_total loki dropped");
  });

  it("an outage holds 5,000 of them and counts the others as dropped; those held arrive when it is over", async () => {
    watchConsole();
    await loki.always("error");
    const { invoke, counts } = tailStage();
    const all = Array.from({ length: 600 }, (_, i) => {
      return invoke(traceItem(Array.from({ length: 10 }, (_line, j) => ownLine({ n: i * 10 + j })))).done;
    });
    await sleep(1_000);
    await loki.always("ok");
    await Promise.all(all);
    const { kept } = await loki.read();
    expect(kept.lines).toHaveLength(5_000);
    expect(await counts()).toMatchObject({
      "telemetry_items_total loki sent": 5_000,
      "telemetry_items_total loki dropped": 1_000,
      "invocations_total api fetch ok": 600,
    });
  });

  it("a Loki that hangs holds nothing up, and has everything once it answers", async () => {
    watchConsole();
    await loki.script("hang");
    const { invoke } = tailStage();
    const startedAt = Date.now();
    const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", durationMs: 5 };
    const first = invoke(traceItem([ownLine({ ...ids, n: 1 })]));
    expect(Date.now() - startedAt).toBeLessThan(500);
    await sleep(3_500);
    expect((await otlp.read()).kept.spans).toHaveLength(1);
    expect((await loki.read()).kept.lines).toEqual([]);
    const second = invoke(traceItem([ownLine({ n: 2 })]));
    await Promise.all([first.done, second.done]);
    expect(Date.now() - startedAt).toBeLessThan(25_000);
    expect((await loki.read()).kept.lines).toHaveLength(2);
  });

  it("whatever is logged arrives, as text that Loki takes", async () => {
    const { invoke, counts } = tailStage();
    const lines = [
      "\u0000\u0007\u001b[2J\r\n\u0085\u2028",
      "lone \ud800 and \udfff",
      "x".repeat(1024 * 1024),
      "😀".repeat(20_000),
      '{"time":1,"level":[],"msg":{},"requestId":{}}',
      ownLine({ requestId: 7, traceId: ["x"], spanId: {}, durationMs: "1", conversionId: null }),
      '{"time":"t","level":"info","msg":"m","__proto__":{"requestId":"p"},"constructor":{"name":"c"}}',
      '{"__proto__":null}',
      `${"[".repeat(50_000)}`,
      new Uint8Array([0, 255, 128]),
      "",
      "Uncaught Error: no code for +989121234567, Bearer abcdefgh",
    ];
    await invoke(traceItem(lines)).done;
    const { kept, counts: pushes } = await loki.read();
    expect(kept.lines).toHaveLength(lines.length);
    expect(pushes.refused).toBe(0);
    for (const { line, stream, metadata } of kept.lines) {
      expect(line.isWellFormed()).toBe(true);
      expect(new TextEncoder().encode(line).byteLength).toBeLessThanOrEqual(64 * 1024);
      expect(stream).toEqual({ service: "api", env: "development", level: "info" });
      expect(metadata).toEqual({});
    }
    const texts = kept.lines.map(({ line }) => line);
    expect(texts).toContain("\u0000\u0007\u001b[2J\r\n\u0085\u2028");
    expect(texts).toContain("lone \ufffd and \ufffd");
    expect(texts).toContain("Uncaught Error: no code for [phone], Bearer [redacted]");
    expect((await otlp.read()).kept.spans).toEqual([]);
    expect(await counts()).toMatchObject({ "telemetry_items_total loki sent": lines.length });
  });

  it("are found by the conversion they are about", async () => {
    const { invoke } = tailStage();
    const ids = { requestId: "req_1", traceId: "0af7651916cd43dd8448eb211c80319c", conversionId: "cnv_1" };
    await invoke(traceItem([ownLine({ ...ids, level: "warn" })], { scriptName: "ai-styler-consumer" })).done;
    expect((await loki.read()).kept.lines).toEqual([
      expect.objectContaining({
        stream: { service: "consumer", env: "development", level: "warn" },
        metadata: ids,
      }),
    ]);
  });
});

describe("spans", () => {
  it("a request, its message and the call of a provider are one trace", async () => {
    const { invoke, counts } = tailStage();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const [request, message, call] = ["b7ad6b7169203331", "00f067aa0ba902b7", "53995c3f42cd8ad8"];
    const api = traceItem([
      ownLine({
        msg: "request",
        traceId,
        spanId: request,
        method: "POST",
        route: "/api/conversions",
        status: 202,
        durationMs: 12,
      }),
    ]);
    const consumer = traceItem(
      [
        ownLine({
          level: "warn",
          msg: "provider call",
          traceId,
          spanId: call,
          parentSpanId: message,
          provider: "gemini",
          durationMs: 900,
        }),
        ownLine({
          msg: "message",
          traceId,
          spanId: message,
          parentSpanId: request,
          queue: "ai-styler-conversions",
          durationMs: 950,
        }),
        ownLine({ msg: "no span", traceId }),
      ],
      { scriptName: "ai-styler-consumer", event: { queue: "ai-styler-conversions", batchSize: 1 } },
    );
    await Promise.all([invoke(api).done, invoke(consumer).done]);
    const { kept } = await otlp.read();
    expect(
      kept.spans
        .map(({ resource, spanId, parentSpanId, name, kind }) => [
          resource["service.name"],
          name,
          kind,
          spanId,
          parentSpanId,
        ])
        .toSorted(),
    ).toEqual([
      ["ai-styler-api", "POST /api/conversions", 2, request, ""],
      ["ai-styler-consumer", "call gemini", 3, call, message],
      ["ai-styler-consumer", "process ai-styler-conversions", 5, message, request],
    ]);
    expect(await counts()).toMatchObject({
      "telemetry_items_total otlp sent": 3,
      "telemetry_items_total loki sent": 4,
      "invocations_total consumer queue ok": 1,
    });
  });
});

describe("an invocation that was cut off", () => {
  const cut = traceItem([], { outcome: "exceededCpu", scriptName: "ai-styler-hasher", event: { rpcMethod: "hash" } });

  it("is counted, told on the console and among its Worker's lines, and raises an alert", async () => {
    const told = watchConsole();
    const { env, counts } = tailStage();
    const alerts: Alert[] = [];
    const context = createExecutionContext();
    const given = { alerts: { raise: (alert: Alert) => void alerts.push(alert) } };
    watchInvocations(createTailServices(env, context, given), [toInvocation(cut)]);
    await waitOnExecutionContext(context);
    expect(alerts).toEqual([expect.objectContaining({ name: "invocation_cut_off", about: "hasher/exceededCpu" })]);
    expect(told()).toEqual([
      expect.objectContaining({ level: "error", msg: "invocation cut off", script: "hasher", outcome: "exceededCpu" }),
    ]);
    const [line, ...others] = (await loki.read()).kept.lines;
    expect(others).toEqual([]);
    expect(line?.stream).toEqual({ service: "hasher", env: "development", level: "error" });
    expect(await counts()).toMatchObject({ "invocations_total hasher rpc exceededCpu": 1 });
  });

  it.each([{ LOKI_URL: "not a url" }, { ENVIRONMENT: "" }, { METRICS_SHARDS: "many" }])(
    "is told on the console all the same with %j",
    async (variables) => {
      const told = watchConsole();
      const { invoke } = tailStage(variables);
      await invoke(cut, traceItem(["x"])).done;
      await invoke(cut).done;
      expect(told().filter(({ msg }) => msg === "invocation cut off")).toHaveLength(2);
      const [complaint, ...others] = told().filter(({ msg }) => msg === "tail not configured");
      expect(others).toEqual([]);
      expect(complaint?.cause).toContain(Object.keys(variables)[0]);
    },
  );
});

it("nothing the platform might tell makes it throw, or Loki and the collector refuse a push", async () => {
  watchConsole();
  const { invoke, counts } = tailStage();
  const any = fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 2 });
  const id = fc.constantFrom("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "x", 7);
  const own = fc
    .record({
      traceId: id,
      spanId: id,
      durationMs: fc.oneof(fc.double(), fc.constant(5)),
      any,
      level: fc.constant("error"),
    })
    .map((fields) =>
      ownLine(JSON.parse(JSON.stringify(fields, (_, value) => (typeof value === "bigint" ? 1 : value)))),
    );
  const log = fc.record({
    timestamp: any,
    level: any,
    message: fc.oneof(any, fc.array(fc.oneof(any, own), { maxLength: 1 })),
  });
  const item = fc.record(
    {
      event: any,
      eventTimestamp: any,
      logs: fc.array(fc.oneof(any, log)),
      exceptions: any,
      scriptName: any,
      outcome: any,
    },
    { requiredKeys: [] },
  );
  const done: Promise<void>[] = [];
  fc.assert(
    fc.property(fc.array(fc.oneof(item, any), { maxLength: 3 }), (items) => {
      done.push(invoke(...items).done);
    }),
    { numRuns: 200 },
  );
  await Promise.all(done);
  const [lines, spans, counted] = [await loki.read(), await otlp.read(), await counts()];
  expect([lines.counts.refused, spans.counts.refused]).toEqual([0, 0]);
  expect(lines.kept.lines.length).toBe(counted["telemetry_items_total loki sent"]);
  expect(spans.kept.spans.length).toBe(counted["telemetry_items_total otlp sent"] ?? 0);
  expect(Object.keys(counted).filter((series) => series.endsWith(" dropped"))).toEqual([]);
});
