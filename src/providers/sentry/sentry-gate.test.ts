import { expect, it } from "vitest";
import { SentryGate, sentryGate } from "./sentry-gate.ts";

/** Seconds until a gate lets an event through again. */
function pauseOf(gate: SentryGate, from: number): number {
  for (let seconds = 0; ; seconds++) if (gate.admit(from + seconds * 1_000)) return seconds;
}

it("each failure after another doubles the pause, up to a minute, and one success ends that", () => {
  const gate = new SentryGate();
  let now = 1_000_000;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    gate.note(null, now);
    const seconds = pauseOf(gate, now);
    pauses.push(seconds);
    now += seconds * 1_000;
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  gate.note(new Response(null, { status: 200 }), now);
  gate.note(new Response(null, { status: 500 }), now);
  expect(pauseOf(gate, now)).toBe(1);
});

it("a limit is not shortened by what fails or succeeds meanwhile", () => {
  const gate = new SentryGate();
  gate.note(new Response(null, { status: 429, headers: { "Retry-After": "100" } }), 0);
  gate.note(new Response(null, { status: 429, headers: { "Retry-After": "5" } }), 1_000);
  gate.note(null, 2_000);
  gate.note(new Response(null, { status: 200 }), 3_000);
  expect(pauseOf(gate, 0)).toBe(100);
});

it("no limit is longer than a day, and none that is over counts", () => {
  const gate = new SentryGate();
  gate.note(new Response(null, { status: 429, headers: { "Retry-After": "-5" } }), 0);
  gate.note(new Response(null, { status: 429, headers: { "X-Sentry-Rate-Limits": "0:error:key" } }), 0);
  expect(gate.admit(0)).toBe(true);
  gate.note(new Response(null, { status: 429, headers: { "Retry-After": "99999999999" } }), 0);
  expect([gate.admit(86_399_999), gate.admit(86_400_000)]).toEqual([false, true]);
});

it("an isolate has one gate for a DSN", () => {
  expect(sentryGate("https://a@b/1")).toBe(sentryGate("https://a@b/1"));
  expect(sentryGate("https://a@b/1")).not.toBe(sentryGate("https://a@b/2"));
});
