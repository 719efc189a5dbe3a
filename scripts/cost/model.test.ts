import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ASSUMPTIONS } from "./assumptions.ts";
import { readDoc, renewed } from "./doc.ts";
import { jobsAtATime, monthsUntilFull } from "./limits.ts";
import { OPERATIONS, readMeasured } from "./measured.ts";
import { mixOf } from "./model.ts";
import { PLAN, PROVIDERS } from "./prices.ts";
import { answerTo } from "./report.ts";
import { money } from "./text.ts";
import { COUNTED_NAMES } from "./usage.ts";

const measured = readMeasured();
const users = fc.integer({ min: 0, max: 20_000_000 });
const conversions = fc.integer({ min: 0, max: 100_000_000 });
const provider = fc.constantFrom(...PROVIDERS);

it("every operation has its measurements, and nothing else has", () => {
  expect(Object.keys(measured.operations).toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
  for (const usage of Object.values(measured.operations)) {
    expect(COUNTED_NAMES.filter((name) => !(usage[name] >= 0))).toEqual([]);
  }
});

it("docs/cost.md is what the measurements, the prices and the model give: `npm run cost -- --doc`", () => {
  const text = readDoc();
  expect(renewed(text, measured)).toBe(text);
});

describe("a month", () => {
  it("of nobody is the plan and what runs by itself", () => {
    const { invoice } = answerTo(measured, { users: 0, conversions: 0 }, ASSUMPTIONS);
    expect(invoice.dollars).toBeGreaterThanOrEqual(PLAN.dollars);
    expect(invoice.dollars).toBeLessThan(2 * PLAN.dollars);
  });

  it("costs what its lines cost, without those that are only announced", () => {
    fc.assert(
      fc.property(users, conversions, provider, (n, m, by) => {
        const { invoice } = answerTo(measured, { users: n, conversions: m }, { ...ASSUMPTIONS, provider: by });
        const sum = invoice.lines.reduce((all, line) => (line.isAnnounced ? all : all + line.dollars), 0);
        expect(invoice.dollars).toBeCloseTo(sum, 6);
        expect(invoice.lines.every(({ amount }) => Number.isFinite(amount) && amount >= 0)).toBe(true);
      }),
    );
  });

  it("of more users or more conversions never costs less", () => {
    const cost = (n: number, m: number, by: (typeof PROVIDERS)[number]) =>
      answerTo(measured, { users: n, conversions: m }, { ...ASSUMPTIONS, provider: by }).invoice.dollars;
    fc.assert(
      fc.property(users, users, conversions, conversions, provider, (n, moreN, m, moreM, by) => {
        expect(cost(n + moreN, m + moreM, by)).toBeGreaterThanOrEqual(cost(n, m, by) - 1e-6);
      }),
    );
  });

  it("has the rows of each account once, whenever its owner signed up", () => {
    const held = (ageMonths: number) => {
      const { month } = answerTo(measured, { users: 1_000, conversions: 0 }, { ...ASSUMPTIONS, ageMonths });
      return month.bill.d1Bytes - ageMonths * month.d1.monthlyBytes;
    };
    const account = measured.operations.signUp.d1Bytes;
    // 100 sign up each month: so many more were there before.
    expect([0, 1, 9, 10, 12].map((age) => Math.round(held(age) / account))).toEqual([1_000, 900, 100, 0, 0]);
  });

  it("has a job for every conversion, by the provider that was asked for", () => {
    fc.assert(
      fc.property(conversions, provider, fc.double({ min: 0, max: 1, noNaN: true }), (m, by, largePhotos) => {
        const mix = mixOf({ users: 1, conversions: m }, { ...ASSUMPTIONS, provider: by, largePhotos });
        expect(mix.jobLocal + mix.jobLocalLarge).toBeCloseTo(by === "local" ? m : 0, 3);
        expect(mix.jobGemini + mix.jobGeminiLarge).toBeCloseTo(by === "local" ? 0 : m, 3);
      }),
    );
  });
});

it("dollars are told to the cent, and of less than one three digits", () => {
  expect([0, 1e-9, 0.000678, 0.1, 0.0678, 1, 1234.5].map(money)).toEqual([
    ...["$0.00", "$0", "$0.000678", "$0.1", "$0.0678", "$1.00", "$1,234.50"],
  ]);
});

describe("the limits", () => {
  it("tell after how many months D1 is full", () => {
    const d1 = { usersBytes: 4e9, monthlyBytes: 2e9 };
    expect(monthsUntilFull({ d1 })).toBe(3);
    expect(monthsUntilFull({ d1: { ...d1, usersBytes: 11e9 } })).toBe(0);
    expect(monthsUntilFull({ d1: { ...d1, monthlyBytes: 0 } })).toBe(Number.POSITIVE_INFINITY);
  });

  it("name first what is nearest, and count the jobs that the consumer may have at a time", () => {
    const { limits } = answerTo(measured, { users: 1e6, conversions: 4e6 }, { ...ASSUMPTIONS, provider: "gemini" });
    const parts = limits.map(({ value, limit }) => value / limit);
    expect(parts).toEqual(parts.toSorted((a, b) => b - a));
    expect(limits.find(({ name }) => name === "Jobs at a time")?.limit).toBe(jobsAtATime());
  });
});
