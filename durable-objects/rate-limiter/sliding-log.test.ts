import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySteps, arbitraryWindows, NaiveLimiter, type Step } from "../../test/workerd/support/naive-limiter.ts";
import type { RateWindow } from "./contract.ts";
import { grownWindows, judge, lifeMs, stateOf, type Take } from "./sliding-log.ts";

const RUNS = { numRuns: 1_000 };

/** A log as the object keeps it: what is let through is written down, and what is over is forgotten. */
class Log {
  readonly windows: readonly RateWindow[];
  now = 0;
  takes: Take[] = [];
  #made = 0;

  constructor(windows: readonly RateWindow[]) {
    this.windows = windows;
  }

  forget(): void {
    const life = lifeMs(this.windows);
    this.takes = this.takes.filter((take) => take.at + life > this.now);
  }

  /** @returns the id of the take, or null when it was refused. */
  take(): number | null {
    if (!judge(this.takes, this.windows, this.now).allowed) return null;
    this.#made += 1;
    this.takes.push({ id: this.#made, at: this.now });
    return this.#made;
  }

  apply(step: Step, model: NaiveLimiter): void {
    if (step.do === "advance") this.now += step.ms;
    this.forget();
    if (step.do === "take") {
      const id = this.take();
      if (id !== null) model.record(id, this.now);
    } else if (step.do === "giveBack") {
      const id = this.#made - step.nth;
      this.takes = this.takes.filter((take) => take.id !== id);
      model.giveBack(id);
    } else if (step.do === "clear") {
      this.takes = [];
      model.clear();
    }
  }
}

/** Runs random steps through log and model at once; `check` sees both after each. */
function property(check: (log: Log, model: NaiveLimiter) => void): void {
  fc.assert(
    fc.property(arbitraryWindows(1), arbitrarySteps(1, 60), (windows, steps) => {
      const log = new Log(windows);
      const model = new NaiveLimiter(windows);
      for (const step of steps) {
        log.apply(step, model);
        check(log, model);
      }
    }),
    RUNS,
  );
}

describe("the log against its definition, over random takes, pauses and give-backs", () => {
  it("lets through what the definition lets through, and tells the same wait", () => {
    property((log, model) => {
      const verdict = judge(log.takes, log.windows, log.now);
      expect(verdict.allowed).toBe(model.allows(log.now));
      expect(verdict.retryAfterMs).toBe(model.retryAfterMs(log.now));
    });
  });

  it("tells what is left of each window and when that changes", () => {
    property((log, model) => {
      expect(log.windows.map((window) => stateOf(log.takes, window, log.now))).toEqual(model.states(log.now));
    });
  });

  it("never has more than the limit in any span of a sliding window", () => {
    property((log, model) => {
      for (const { limit, windowMs } of log.windows.filter(({ kind }) => kind === "sliding")) {
        for (const [i, first] of model.takes.entries()) {
          const next = model.takes[i + limit];
          if (next) expect(next.at - first.at).toBeGreaterThanOrEqual(windowMs);
        }
      }
    });
  });

  it("refuses up to the last millisecond of the wait it tells, and not a millisecond longer", () => {
    property((log) => {
      const { allowed, retryAfterMs } = judge(log.takes, log.windows, log.now);
      if (allowed) return;
      expect(judge(log.takes, log.windows, log.now + retryAfterMs - 1)).toEqual({ allowed: false, retryAfterMs: 1 });
      expect(judge(log.takes, log.windows, log.now + retryAfterMs)).toEqual({ allowed: true, retryAfterMs: 0 });
    });
  });

  it("a refused take changes nothing", () => {
    property((log) => {
      if (judge(log.takes, log.windows, log.now).allowed) return;
      const before = structuredClone(log.takes);
      for (let i = 0; i < 3; i++) expect(log.take()).toBeNull();
      expect(log.takes).toEqual(before);
    });
  });

  it("what it forgets can never matter again", () => {
    property((log, model) => {
      const all = model.takes;
      for (const now of [log.now, log.now + 1, log.now + 5, log.now + 13]) {
        expect(judge(log.takes, log.windows, now)).toEqual(judge(all, log.windows, now));
      }
    });
  });
});

it("the take that fills a lock locks for exactly its window, whatever is tried meanwhile", () => {
  const gaps = fc.array(fc.nat(9), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(gaps, fc.array(fc.nat(100), { maxLength: 100 }), (between, attempts) => {
      const windowMs = 100;
      const log = new Log([{ kind: "lock", limit: between.length, windowMs }]);
      for (const gap of between) {
        log.now += gap;
        expect(log.take()).not.toBeNull();
      }
      const filledAt = log.now;
      for (const offset of attempts.toSorted((a, b) => a - b)) {
        log.now = filledAt + Math.min(offset, windowMs - 1);
        log.forget();
        expect(log.take()).toBeNull();
      }
      log.now = filledAt + windowMs - 1;
      expect(log.take()).toBeNull();
      log.now = filledAt + windowMs;
      log.forget();
      // All starts afresh: as many as before fit in at once.
      expect(between.map(() => log.take()).every((id) => id !== null)).toBe(true);
      expect(log.take()).toBeNull();
    }),
    RUNS,
  );
});

it("a limit of zero lets nothing through", () => {
  expect(judge([], [{ limit: 0, windowMs: 10 }], 5)).toEqual({ allowed: false, retryAfterMs: 10 });
});

it("only the first window grows, never below its own limit, and only where growth is asked for", () => {
  const windows = [
    { limit: 30, windowMs: 10 },
    { limit: 7, windowMs: 100 },
  ];
  const growth = { share: 0.5, bucketMs: 10, lookbackMs: 100 };
  const limits = (best: number) => grownWindows(windows, growth, best).map((window) => window.limit);
  expect([limits(0), limits(60), limits(61), limits(62), limits(1_000)]).toEqual([
    [30, 7],
    [30, 7],
    [30, 7],
    [31, 7],
    [500, 7],
  ]);
  expect(grownWindows(windows, undefined, 1_000)).toEqual(windows);
});
