import { describe, expect, it } from "vitest";
import { bars, chart } from "../../bench/chart.ts";
import type { Findings } from "../../bench/measure.ts";
import { reportText } from "../../bench/report.ts";
import { type Measured, resultsOf, shortcomings } from "../../bench/report-results.ts";

const STARTED = new Date("2026-11-30T12:00:00Z");

function measured(number: number, findings: Partial<Findings>): Measured {
  const row = { number, title: `row ${number}`, reference: "the least" };
  const outcome = { findings: { comparisons: [], facts: [], notes: [], ...findings } };
  return { row, seconds: 12.4, outcome };
}

const atLeast = (ratio: number, subject: number) => ({
  what: "reads & <writes>",
  unit: "/s",
  mark: { kind: "at least", ratio } as const,
  pairs: [{ reference: 100, subject }],
});
const size = (value: number) => ({ what: "size", unit: "KiB", value, mark: { kind: "at most", value: 300 } as const });

const failed: Measured = {
  row: { number: 2, title: "row 2", reference: "the least" },
  seconds: 1,
  outcome: { failure: "Error: workerd did not start\n    at serve" },
};

describe("shortcomings", () => {
  it("are none where every mark is reached exactly and every fact holds", () => {
    const facts = [{ what: "answers", expected: "10", found: "10" }];
    const results = resultsOf(STARTED, [measured(1, { comparisons: [atLeast(0.6, 60)], figures: [size(300)], facts })]);
    expect(shortcomings(results)).toEqual([]);
  });

  it("tell of a missed ratio, a missed figure, a fact that doesn't hold and a row that failed", () => {
    const facts = [{ what: "answers", expected: "10", found: "9" }];
    const missed = measured(1, { comparisons: [atLeast(0.6, 59)], figures: [size(300.5)], facts });
    expect(shortcomings(resultsOf(STARTED, [missed, failed]))).toEqual([
      "Row 1 misses its mark: reads & <writes> is 0.590 of the reference, not at least 0.6.",
      "Row 1 misses its mark: size is 300.5 KiB, not at most 300 KiB.",
      "Row 1 is wrong: answers: 9 instead of 10.",
      "Row 2 failed: Error: workerd did not start",
    ]);
  });

  it("don't count what promises nothing", () => {
    const comparisons = [{ ...atLeast(1, 1), mark: null }];
    const results = resultsOf(STARTED, [measured(1, { comparisons, figures: [{ ...size(9_000), mark: null }] })]);
    expect(shortcomings(results)).toEqual([]);
    expect(bars(results)).toEqual([]);
  });
});

describe("reportText", () => {
  it("has a line for each comparison and figure with its verdict, and the rows that failed", () => {
    const text = reportText(
      resultsOf(STARTED, [measured(1, { comparisons: [atLeast(0.6, 72)], figures: [size(400)] }), failed]),
    );
    expect(text).toMatch(/^1 +reads & <writes> +100 \/s +72\.0 \/s +0\.72 +0\.72–0\.72 +≥ 0\.6 +✓ reached$/m);
    expect(text).toMatch(/^1 +size +– +400 KiB +– +– +≤ 300 KiB +✗ MISSED$/m);
    expect(text).toMatch(/^2 +row 2 .*✗ FAILED$/m);
    expect(text).toContain("   Error: workerd did not start");
  });

  it("shows the facts that don't hold with what was expected", () => {
    const facts = [{ what: "answers", expected: "10", found: "9" }];
    expect(reportText(resultsOf(STARTED, [measured(1, { facts })]))).toContain("✗ answers: 9, expected 10");
  });
});

describe("chart", () => {
  const results = resultsOf(STARTED, [
    measured(1, { comparisons: [atLeast(0.6, 30)] }),
    measured(9, { figures: [size(100)] }),
  ]);

  it("scores every mark alike: past 1 is better, whichever way the mark counts", () => {
    expect(bars(results).map(({ score, reached }) => [score, reached])).toEqual([
      [0.5, false],
      [3, true],
    ]);
  });

  it("says reached or missed by a sign and by a colour", () => {
    const svg = chart(results);
    expect(svg.match(/✓/g)).toHaveLength(1);
    expect(svg.match(/✗/g)).toHaveLength(1);
    expect(svg).toMatch(/<path class="missed"/);
    expect(svg).toMatch(/<path class="reached"/);
  });

  it("names machine, date and marks, escapes what it is given, and holds no script", () => {
    const svg = chart(results);
    expect(svg).toContain("2026-11-30");
    expect(svg).toContain(process.version);
    expect(svg).toContain("reads &amp; &lt;writes&gt;");
    expect(svg).toContain("0.30× (≥ 0.6)");
    expect(svg).not.toMatch(/<script|href|on\w+=/i);
    expect(svg).toContain("prefers-color-scheme: dark");
  });

  it("keeps bars within the plot, however far past the mark they are", () => {
    const far = resultsOf(STARTED, [measured(1, { comparisons: [atLeast(0.001, 1_000)] })]);
    const ends = [...chart(far).matchAll(/ H([\d.]+)/g)].map(([, x]) => Number(x));
    expect(ends.length).toBeGreaterThan(0);
    expect(Math.max(...ends)).toBeLessThanOrEqual(730);
  });
});
