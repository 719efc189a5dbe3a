import { describe, expect, it } from "vitest";
import { atLeast, atMost, errorLimit, judge, judgeShare, type Measured, slowLimitMs } from "./verdict.ts";

const sample = (points: number, errors: number, p95Ms = 100) => ({ requests: points, errors, points, p95Ms });
const quiet: Measured = {
  fresh: sample(2_000, 0),
  old: sample(8_000, 0),
  slow: { bad: 40, total: 2_000 },
  invocations: [],
};

describe("binomial tails", () => {
  it("agree with sums of the distribution itself", () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
    const pmf = (k: number, n: number, p: number) => choose(n, k) * p ** k * (1 - p) ** (n - k);
    for (const [n, p] of [
      [12, 0.3],
      [40, 0.01],
      [40, 0.5],
      [25, 0.9],
    ] as const) {
      for (let k = 0; k <= n; k++) {
        const lower = Array.from({ length: k + 1 }, (_, i) => pmf(i, n, p)).reduce((sum, it) => sum + it, 0);
        expect(atMost(k, n, p)).toBeCloseTo(lower, 10);
        expect(atLeast(k, n, p)).toBeCloseTo(1 - lower + pmf(k, n, p), 10);
      }
    }
  });

  it("hold for a million requests", () => {
    expect(atLeast(10_000, 1_000_000, 0.01)).toBeCloseTo(0.5, 1);
    expect(atLeast(10_500, 1_000_000, 0.01)).toBeLessThan(1e-6);
    expect(atMost(9_500, 1_000_000, 0.01)).toBeLessThan(1e-6);
  });
});

describe("a share of bad ones", () => {
  it("condemns what is beyond the limit for sure", () => {
    expect(judgeShare({ bad: 40, total: 1_000 }, 0.01)).toBe("bad");
  });

  it("is not condemned by a handful of requests, however many of them failed", () => {
    for (let total = 1; total < 20; total++) expect(judgeShare({ bad: total, total }, 0.01)).not.toBe("bad");
  });

  it("is not condemned by an excess that chance makes", () => {
    expect(judgeShare({ bad: 15, total: 1_000 }, 0.01)).toBe("unclear");
    expect(judgeShare({ bad: 2, total: 100 }, 0.01)).toBe("unclear");
  });

  it("is not acquitted by a handful of requests without an error", () => {
    expect(judgeShare({ bad: 0, total: 0 }, 0.01)).toBe("unclear");
    expect(judgeShare({ bad: 0, total: 100 }, 0.01)).toBe("unclear");
    expect(judgeShare({ bad: 0, total: 150 }, 0.01)).toBe("good");
  });

  it("condemns a version at its limit in fewer than 1 of 100 looks", () => {
    let random = 1;
    const next = () => {
      random = (random * 48_271) % 2_147_483_647;
      return random / 2_147_483_647;
    };
    let condemned = 0;
    for (let run = 0; run < 2_000; run++) {
      const bad = Array.from({ length: 500 }, next).filter((it) => it < 0.01).length;
      if (judgeShare({ bad, total: 500 }, 0.01) === "bad") condemned++;
    }
    expect(condemned).toBeLessThan(20);
  });
});

describe("limits", () => {
  it("of errors are 1 % or twice the old version's share, and never more than half", () => {
    expect(errorLimit({ bad: 0, total: 1_000 })).toBe(0.01);
    expect(errorLimit({ bad: 30, total: 1_000 })).toBe(0.06);
    expect(errorLimit({ bad: 900, total: 1_000 })).toBe(0.5);
  });

  it("of errors do not go by an old version that answered a handful", () => {
    expect(errorLimit({ bad: 1, total: 2 })).toBe(0.01);
  });

  it("of time are half as much again or 100 ms more, once the old version has answered enough", () => {
    expect(slowLimitMs(sample(99, 0))).toBeNull();
    expect(slowLimitMs(sample(100, 0, 80))).toBe(180);
    expect(slowLimitMs(sample(100, 0, 1_000))).toBe(1_500);
  });
});

describe("the verdict", () => {
  it("is good when a busy version is as good as the old one", () => {
    expect(judge(quiet)).toMatchObject({ answer: "good", hasErrors: false });
  });

  it("is bad for answers of 5xx beyond the limit, and tells which and how many", () => {
    const verdict = judge({ ...quiet, fresh: sample(1_000, 60) });
    expect(verdict.answer).toBe("bad");
    expect(verdict.reasons).toEqual([
      "api answers of 5xx: 60 of 1000 (6.00 %), before it 0 of 8000 (0.00 %); the limit is 1.00 %",
    ]);
  });

  it("forgives the errors that the old version has, too", () => {
    expect(judge({ ...quiet, fresh: sample(1_000, 60), old: sample(9_000, 540) }).answer).toBe("good");
  });

  it("is bad when more than a twentieth is slower than the old version's p95 allows", () => {
    const slow = { bad: 160, total: 2_000 };
    expect(judge({ ...quiet, fresh: sample(2_000, 0, 450), slow })).toMatchObject({ answer: "bad" });
    expect(judge({ ...quiet, fresh: sample(2_000, 0, 190), slow: { bad: 110, total: 2_000 } }).answer).toBe("good");
  });

  it("is bad when invocations of any Worker are killed, even where the api answers well", () => {
    const fresh = { bad: 30, total: 200 };
    const verdict = judge({ ...quiet, invocations: [{ worker: "consumer", fresh, old: { bad: 0, total: 800 } }] });
    expect(verdict.answer).toBe("bad");
    expect(verdict.reasons[0]).toContain("failed invocations of consumer: 30 of 200");
  });

  it("is unclear without traffic, and tells whether anything failed", () => {
    const nothing: Measured = { fresh: null, old: null, slow: null, invocations: [] };
    expect(judge(nothing)).toMatchObject({ answer: "unclear", hasErrors: false });
    expect(judge({ ...nothing, fresh: sample(3, 1) })).toMatchObject({ answer: "unclear", hasErrors: true });
    const failed = [{ worker: "hasher", fresh: { bad: 1, total: 2 }, old: { bad: 0, total: 9 } }];
    expect(judge({ ...nothing, invocations: failed })).toMatchObject({ answer: "unclear", hasErrors: true });
  });

  it("counts what was seen, not what it stands for: a sample is not surer than its size", () => {
    const sampled = { requests: 100_000, errors: 20_000, points: 10, p95Ms: 100 };
    expect(judge({ ...quiet, fresh: sampled }).answer).toBe("unclear");
  });
});
