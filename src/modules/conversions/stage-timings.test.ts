import fc from "fast-check";
import { expect, it } from "vitest";
import { WORK_STAGES } from "./conversion.ts";
import { progressAt, usualTimes } from "./stage-timings.ts";

const ms = fc.integer({ min: 0, max: 600_000 });
const times = fc.record({ fetching: ms, generating: ms, encoding: ms, storing: ms });

it("progress never falls within a job, stays from 1 to 99, and only a finished job has 100", () => {
  fc.assert(
    fc.property(times, fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 20 }), (usual, beats) => {
      let last = 0;
      for (const stage of WORK_STAGES) {
        let elapsedMs = 0;
        for (const beat of [0, ...beats]) {
          elapsedMs += beat;
          const progress = progressAt(usual, stage, elapsedMs);
          expect(progress).toBeGreaterThanOrEqual(last);
          expect(progress).toBeGreaterThanOrEqual(1);
          expect(progress).toBeLessThanOrEqual(99);
          last = progress;
        }
      }
    }),
  );
});

it("gives each stage the share of the bar that it takes of the time", () => {
  const usual = { fetching: 1_000, generating: 8_000, encoding: 500, storing: 500 };
  expect(WORK_STAGES.map((stage) => progressAt(usual, stage, 0))).toEqual([1, 10, 90, 95]);
  expect(progressAt(usual, "generating", 4_000)).toBe(50);
  expect(progressAt(usual, "generating", 8_000)).toBe(86);
});

it("doesn't reach the next stage before it begins, however long a stage takes", () => {
  const usual = usualTimes("gemini");
  expect(progressAt(usual, "generating", 3_600_000)).toBeLessThan(progressAt(usual, "encoding", 0));
});
