import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toSpan } from "./event-span.ts";

const END = Date.parse("2026-01-02T03:04:05.678Z");
const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

function spanOf(fields: object, loggedAt = END) {
  const all = { time: "2026-01-02T03:04:05.678Z", level: "info", msg: "x", ...ids, durationMs: 20, ...fields };
  return toSpan("api", new Map(Object.entries(all)), loggedAt);
}

describe("toSpan", () => {
  it("makes a request a server's span, with OpenTelemetry's names for what it has names for", () => {
    const span = spanOf({
      msg: "request",
      service: "api",
      method: "GET",
      route: "/api/conversions/{id}",
      status: 404,
      code: "not_found",
      requestId: "req_1",
      parentSpanId: "00f067aa0ba902b7",
    });
    expect(span).toEqual({
      service: "api",
      ...ids,
      parentSpanId: "00f067aa0ba902b7",
      name: "GET /api/conversions/{id}",
      kind: "server",
      startedAt: END - 20,
      endedAt: END,
      attributes: new Map<string, unknown>([
        ["http.request.method", "GET"],
        ["http.route", "/api/conversions/{id}"],
        ["http.response.status_code", 404],
        ["error.type", "not_found"],
        ["requestId", "req_1"],
      ]),
      isError: false,
    });
  });

  it.each([
    ["message", { queue: "ai-styler-sms" }, "process ai-styler-sms", "consumer"],
    ["queue message failed", { queue: "ai-styler-sms" }, "process ai-styler-sms", "consumer"],
    ["provider call", { provider: "gemini" }, "call gemini", "client"],
    ["sweep", {}, "sweep", "internal"],
    ["", {}, "event", "internal"],
    ["request", { method: 1, route: {} }, "HTTP /*", "server"],
  ] as const)("names %s", (msg, fields, name, kind) => {
    expect(spanOf({ msg, ...fields })).toMatchObject({ name, kind });
  });

  it("is an error where its event is one", () => {
    expect(spanOf({ level: "error" })?.isError).toBe(true);
    expect(spanOf({ level: "warn" })?.isError).toBe(false);
  });

  it.each([
    ["no trace", { traceId: undefined }],
    ["a trace of zeros", { traceId: "0".repeat(32) }],
    ["a trace in capitals", { traceId: ids.traceId.toUpperCase() }],
    ["a span that is a number", { spanId: 7 }],
    ["a longer span", { spanId: `${ids.spanId}0` }],
    ["no duration", { durationMs: undefined }],
    ["a negative duration", { durationMs: -1 }],
    ["a duration in text", { durationMs: "20" }],
  ])("is none of an event with %s", (_what, fields) => {
    expect(spanOf(fields)).toBeNull();
  });

  it("leaves out a parent that is none, and what is not flat", () => {
    const span = spanOf({ parentSpanId: "x", list: [1], nothing: null, deep: {}, status: "queued", __proto__x: 1 });
    expect(span?.parentSpanId).toBeNull();
    expect([...(span?.attributes ?? [])]).toEqual([
      ["status", "queued"],
      ["__proto__x", 1],
    ]);
  });

  it("takes the time it was logged for a time that makes no sense", () => {
    for (const time of ["+275760-09-13T00:00:00.000Z", "yesterday", "1970-01-01T00:00:00.000Z"]) {
      expect(spanOf({ time })).toMatchObject({ startedAt: END - 20, endedAt: END });
    }
    expect(spanOf({ durationMs: 1e300 })).toMatchObject({ startedAt: 0, endedAt: END });
  });

  it("is small and well-formed, whatever the event", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything(), { maxKeys: 100 }), fc.string(), (fields, msg) => {
        const span = spanOf({ ...fields, ...ids, durationMs: 1, msg });
        if (span === null) throw new Error("expected a span");
        expect(span.attributes.size).toBeLessThanOrEqual(64);
        expect(span.name.isWellFormed()).toBe(true);
        expect(span.startedAt).toBeLessThanOrEqual(span.endedAt);
        for (const [key, value] of span.attributes) {
          expect(key).not.toBe("");
          expect(key.isWellFormed() && (typeof value !== "string" || value.isWellFormed())).toBe(true);
        }
      }),
    );
  });
});
