import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLogger, type LogFormat } from "../../kernel/logger.ts";
import { cutText, MAX_LINE_BYTES, parseEvent, toLogLine } from "./log-event.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;
const line = (text: string, level = "log") => toLogLine("api", { at: 5, level, text }, parseEvent(text));
const event = (fields: object) =>
  JSON.stringify({ time: "2026-01-02T03:04:05.678Z", level: "info", msg: "x", ...fields });

/** Any UTF-16 at all, halves of characters included. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
  .map((units) => String.fromCharCode(...units));

describe("toLogLine", () => {
  it.each(["json", "logfmt", "pretty"] as const)(
    "finds the level of the service's own lines in %s",
    (format: LogFormat) => {
      for (const level of ["debug", "info", "warn", "error"] as const) {
        const lines: string[] = [];
        createLogger({ level: "debug", format }, { service: "api" }, (text) => lines.push(text)).log(level, "hello");
        expect(lines.map((text) => line(text).level)).toEqual([level]);
      }
    },
  );

  it("takes other lines' level from the console, and info where that says nothing", () => {
    expect(line("level=error is not at its place", "log").level).toBe("info");
    expect(line("watch out", "warn").level).toBe("warn");
    expect(line("[1]", "constructor").level).toBe("info");
    expect(line(event({ level: "fatal" }), "error").level).toBe("error");
  });

  it("has the ids that are text, and no others", () => {
    expect(line(event({ requestId: "req_1", traceId: 7, conversionId: "", userId: "usr_1" })).ids).toEqual({
      requestId: "req_1",
    });
    expect(line(event({ conversionId: `cnv_${"x".repeat(500)}` })).ids.conversionId).toHaveLength(128);
    expect(line('{"requestId":"req_1"}').ids).toEqual({});
  });

  it("hands on an own line as it is, and any other without what looks like a secret", () => {
    const own = event({ cause: "hash 0123456789" });
    expect(line(own).text).toBe(own);
    expect(line("Error: no code for +989121234567").text).toBe("Error: no code for [phone]");
    expect(line('{"phone":"+989121234567"}').text).toBe('{"phone":"[phone]"}');
  });

  it("cuts what is long, in no half character and no half secret", () => {
    const long = line(`${"é".repeat(MAX_LINE_BYTES / 2 - 2)}x😀😀`).text;
    expect(long).toBe(`${"é".repeat(MAX_LINE_BYTES / 2 - 2)}x`);
    const edge = line(`${"a ".repeat(MAX_LINE_BYTES / 2 - 4)}+989121234567`).text;
    expect(edge).not.toContain("98912");
    expect(bytesOf(line("\u0000".repeat(1024 * 1024)).text)).toBe(MAX_LINE_BYTES);
  });

  it("makes well-formed lines within the limit of any text", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 150 }), (text, max) => {
        const cut = cutText(text, max);
        expect(cut.isWellFormed()).toBe(true);
        expect(bytesOf(cut)).toBeLessThanOrEqual(max);
        if (bytesOf(text) <= max) expect(cut).toBe(text.toWellFormed());
      }),
    );
    expect(cutText("a\ud800b", 10)).toBe("a\ufffdb");
  });
});

describe("parseEvent", () => {
  it.each([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["no time", '{"level":"info","msg":"x"}'],
    ["a message that is no text", event({ msg: 1 })],
    ["another level", event({ level: "toString" })],
  ])("is null for %s", (_what, text) => {
    expect(parseEvent(text)).toBeNull();
  });

  it("takes names that objects have for mere names", () => {
    const parsed = parseEvent('{"time":"t","level":"info","msg":"m","__proto__":{"requestId":"r"},"constructor":1}');
    expect(parsed?.get("requestId")).toBeUndefined();
    expect(parsed?.get("constructor")).toBe(1);
    expect(parsed?.get("toString")).toBeUndefined();
  });
});
