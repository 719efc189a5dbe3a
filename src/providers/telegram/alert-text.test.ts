import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALERT_NAMES } from "../../ports/alerts.ts";
import { type AlertNote, alertText } from "./alert-text.ts";
import { parseTelegramHtml } from "./fake-html.ts";

const SINCE = Date.UTC(2026, 10, 24, 18, 16, 28);

const NOTE: AlertNote = {
  kind: "first",
  name: "circuit_opened",
  about: "gemini:gemini-3.1-flash-image",
  what: "The circuit gemini:gemini-3.1-flash-image opened: failures",
  advice: "Look at the provider's status page",
  worker: "consumer",
  since: SINCE,
  count: 1,
  total: 1,
};
const OPTIONS = { severity: "critical", environment: "production" } as const;

function shown(note: Parameters<typeof alertText>[0], options: Parameters<typeof alertText>[1] = OPTIONS): string {
  const { text, html } = alertText(note, options);
  if (!html) return text;
  const parsed = parseTelegramHtml(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.text;
}

it("tells what happened, what to do, since when, how often, and where", () => {
  expect(shown(NOTE)).toBe(
    [
      "🔴 A provider is left alone",
      "gemini:gemini-3.1-flash-image",
      "",
      "The circuit gemini:gemini-3.1-flash-image opened: failures",
      "",
      "What to do: Look at the provider's status page",
      "",
      "Since 2026-11-24 18:16:28 UTC, once",
      "consumer, production",
    ].join("\n"),
  );
  expect(alertText(NOTE, OPTIONS).text).toContain("<code>gemini:gemini-3.1-flash-image</code>");
});

it("a summary tells how many more there were, and says that it goes on", () => {
  const lines = shown(
    { ...NOTE, kind: "summary", count: 1_037, total: 2_001 },
    { ...OPTIONS, severity: "warning" },
  ).split("\n");
  expect(lines[0]).toBe("🟠 A provider is left alone, still");
  expect(lines[3]).toBe("1,037 more times in the last 10 minutes.");
  expect(lines.at(-2)).toBe("Since 2026-11-24 18:16:28 UTC, 2,001 times in all");
  expect(shown({ ...NOTE, kind: "summary", count: 1 })).toContain("1 more time in the last 10 minutes.");
});

it("alerts that had no room are told by their numbers", () => {
  const text = shown({ kind: "others", counts: { dead_letter: 3, circuit_opened: 41 }, since: SINCE });
  expect(text.split("\n").slice(0, 4)).toEqual([
    "⚪ And 44 other alerts",
    "",
    "A provider is left alone: 41 times",
    "A message was given up on: 3 times",
  ]);
});

describe("whatever an alert says", () => {
  const hostile = fc.array(
    fc.oneof(
      fc.constantFrom("<b>", "</code>", "<script>", "&", "&lt;", "&#60;", '"', "\n", "\r\n", "\u2028", "\0"),
      fc.constantFrom("\u202e", "\u2066", "\u200f", "\u200b", "\ufeff", "\ud83d", "\ude00", "😀", "سلام", "\u200c"),
      fc.constant("x".repeat(3_000)),
      fc.string({ unit: "binary" }),
    ),
    { maxLength: 12 },
  );
  const text = hostile.map((parts) => parts.join(""));
  const note = fc.record({
    kind: fc.constantFrom("first" as const, "summary" as const),
    name: fc.constantFrom(...ALERT_NAMES),
    about: text,
    what: text,
    advice: text,
    worker: text,
    since: fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
    count: fc.integer({ min: 1, max: 1_000_000 }),
    total: fc.integer({ min: 1 }),
  });

  it("the message is well-formed, accepted, and of our lines alone, with marks and without", () => {
    fc.assert(
      fc.property(note, (given) => {
        const [marked, plain] = [shown(given), shown(given, { ...OPTIONS, plain: true })];
        for (const told of [marked, plain]) {
          expect(told.isWellFormed()).toBe(true);
          expect(told.length).toBeLessThan(2_500);
          expect(told.split("\n")).toHaveLength(given.kind === "first" ? 9 : 10);
          expect(told).not.toMatch(/(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\u2028\u2029]/u);
        }
        expect(marked).toBe(plain);
      }),
      { numRuns: 500 },
    );
  });

  it("what can be shown of it is shown", () => {
    const what = shown({ ...NOTE, what: "a <b>&lt;\n\u202egpj.exe\u202c می\u200cروم \ud83d 😀" }).split("\n")[3];
    expect(what).toBe("a <b>&lt; gpj.exe می\u200cروم 😀");
  });
});
