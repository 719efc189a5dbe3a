import { describe, expect, it } from "vitest";
import { backoffMs } from "./backoff.ts";

const ATTEMPTS = [1, 2, 3, 4, 5, 6, 7, 20];
/** The longest wait after each of them. */
const CEILINGS = [1_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000];

describe("the wait before another attempt", () => {
  it("at its longest grows with each attempt, from a second to a minute and no further", () => {
    expect(ATTEMPTS.map((attempt) => backoffMs(attempt, null, () => 1))).toEqual(CEILINGS);
  });

  it("is drawn evenly from nothing to the longest, so that jobs which failed together don't come back together", () => {
    for (const [i, attempt] of ATTEMPTS.entries()) {
      const longest = CEILINGS[i] as number;
      expect(backoffMs(attempt, null, () => 0)).toBe(0);
      expect(backoffMs(attempt, null, () => 0.25)).toBe(longest / 4);
      const tenths = new Array<number>(10).fill(0);
      for (let n = 0; n < 5_000; n++) {
        const tenth = Math.min(9, Math.floor((backoffMs(attempt, null) / longest) * 10));
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      // 500 expected in each; six standard deviations are 127.
      for (const count of tenths) expect(Math.abs(count - 500), `${attempt}: ${tenths.join()}`).toBeLessThan(150);
    }
  });

  it("is never less than the provider asked for, and not more where that is longer", () => {
    for (const attempt of ATTEMPTS) {
      for (const random of [0, 0.5, 1]) expect(backoffMs(attempt, 3_600_000, () => random)).toBe(3_600_000);
      expect(backoffMs(attempt, 500, () => 0)).toBe(500);
    }
    expect(backoffMs(4, 500, () => 1)).toBe(16_000);
  });
});
