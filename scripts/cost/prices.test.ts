import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dollarsFor, GIGABYTE, PLAN, PRICES, type Price, pictureDollars } from "./prices.ts";

const all = Object.entries<Price>(PRICES);
const amount = fc.double({ min: 0, max: 1e15, noNaN: true });

describe("what the platform's own examples cost", () => {
  it("15 M requests of 7 ms: $8.00", () => {
    const requests = dollarsFor(PRICES.requests, 15e6);
    const cpu = dollarsFor(PRICES.cpuMs, 7 * 15e6);
    expect([requests, cpu, PLAN.dollars + requests + cpu]).toEqual([1.5, 1.5, 8]);
  });

  it("75 GB of logs, and 20 GB-month kept: $6.25 and $0.80", () => {
    expect(dollarsFor(PRICES.logBytes, 75 * GIGABYTE)).toBeCloseTo(6.25, 10);
    expect(dollarsFor(PRICES.logStorage, 20 * GIGABYTE)).toBeCloseTo(0.8, 10);
  });

  it("a million messages are three million operations of a queue: $0.80", () => {
    expect(dollarsFor(PRICES.queueOperations, 3e6)).toBeCloseTo(0.8, 10);
  });
});

it.each(all)("%s costs nothing up to what is included, and its price for the first thing beyond", (_id, price) => {
  const { included, per, dollars } = price;
  expect(dollarsFor(price, 0)).toBe(0);
  expect(dollarsFor(price, included)).toBe(0);
  expect(dollarsFor(price, included + per)).toBeCloseTo(dollars, 6);
});

it.each(all)("more of %s never costs less, and never less than nothing", (_id, price) => {
  fc.assert(
    fc.property(amount, amount, (a, b) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)];
      expect(dollarsFor(price, less)).toBeGreaterThanOrEqual(0);
      expect(dollarsFor(price, more)).toBeGreaterThanOrEqual(dollarsFor(price, less));
    }),
  );
});

it.each(all)("twice as much of %s beyond what is included costs twice as much", (_id, price) => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 1e12, noNaN: true }), (beyond) => {
      const once = dollarsFor(price, price.included + beyond);
      expect(dollarsFor(price, price.included + 2 * beyond) / once).toBeCloseTo(2, 2);
    }),
  );
});

it("a picture costs what the service's own tables of prices say", () => {
  expect(pictureDollars("local")).toBe(0);
  // 700 tokens of the prompt at $0.50 a million, 1,120 of the picture at $60, 90 of words at $3.
  expect(pictureDollars("gemini")).toBeCloseTo((700 * 0.5 + 1_120 * 60 + 90 * 3) / 1e6, 12);
  expect(pictureDollars("workers-ai")).toBe(0.019);
});
