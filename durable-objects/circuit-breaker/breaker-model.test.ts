import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DAY_MS,
  failure,
  HOUR_MS,
  KeptBreaker,
  START,
  success,
  TTL_MS,
} from "../../test/workerd/support/kept-breaker.ts";
import { arbitraryBreakerStep, NaiveBreaker } from "../../test/workerd/support/naive-breaker.ts";
import { admit, described, settled } from "./breaker.ts";

/** Runs random steps through breaker and model at once; `check` sees both after each. */
function property(check: (kept: KeptBreaker, model: NaiveBreaker) => void, numRuns = 2_000): void {
  fc.assert(
    fc.property(fc.array(arbitraryBreakerStep, { minLength: 1, maxLength: 80 }), (steps) => {
      const kept = new KeptBreaker();
      const model = new NaiveBreaker(START);
      let probes = 0;
      for (const step of steps) {
        if (step.do === "advance") {
          kept.now += step.ms;
          model.now = kept.now;
        } else if (step.do === "admit") {
          const answer = kept.admit();
          const verdict = model.admit(`probe-${++probes}`, TTL_MS);
          expect(answer).toMatchObject(
            answer.allowed ? { pass: { epoch: model.epochs.at(-1), probe: model.probe?.token ?? null } } : verdict,
          );
          expect(answer.allowed).toBe(verdict.reason === null);
        } else if (step.do === "report") {
          const pass = kept.passes.at(-1 - step.nth);
          if (pass) expect(kept.report(pass, step.outcome)).toBe(model.report(pass, step.outcome));
        } else {
          kept.force(step.force);
          model.setForce(step.force);
        }
        check(kept, model);
      }
    }),
    { numRuns },
  );
}

describe("the breaker against its definition, over random calls, pauses and forces", () => {
  it("lets through, refuses, opens and closes as the definition does, and shows the same", () => {
    property((kept, model) => {
      model.tick();
      const { epoch, calls, failures, retryAfterMs, state, reason, force, openedAt } = kept.state;
      expect({ epoch, calls, failures }).toEqual({ epoch: model.epochs.at(-1), ...model.window() });
      const isOpen = model.force === "open" || (model.isOpen && model.now < model.until);
      expect(state).toBe(isOpen ? "open" : model.isOpen ? "half_open" : "closed");
      expect(force).toBe(model.force);
      if (model.force === "open") return expect(reason).toBe("forced");
      expect(reason).toBe(model.isOpen ? model.reason : null);
      expect(openedAt).toBe(model.isOpen ? model.openedAt : null);
      expect(retryAfterMs).toBe(isOpen ? model.until - model.now : null);
    });
  });

  it("never wedges: unless an admin holds it open, it lets a call through within 25 hours of quiet", () => {
    property(({ breaker, now }) => {
      if (breaker.force === "open") return;
      let at = now;
      for (let asked = 0; ; asked++) {
        const { answer } = admit(breaker, "c", { token: "t", ttlMs: TTL_MS }, at);
        if (answer.allowed) break;
        at += answer.retryAfterMs;
        expect(asked).toBeLessThan(30);
      }
      expect(at - now).toBeLessThanOrEqual(25 * HOUR_MS + TTL_MS);
    }, 500);
  });

  it("refuses while open up to the last millisecond of the wait it tells, and not a millisecond longer", () => {
    property(({ breaker, now }) => {
      const { answer } = admit(breaker, "c", { token: "t", ttlMs: TTL_MS }, now);
      if (answer.allowed || settled(breaker, now).phase.kind !== "open" || breaker.force === "open") return;
      const at = (ms: number) => admit(breaker, "c", { token: "t", ttlMs: TTL_MS }, now + ms).answer.allowed;
      expect([at(answer.retryAfterMs - 1), at(answer.retryAfterMs)]).toEqual([false, true]);
    }, 500);
  });

  it("promises for no longer than it knows", () => {
    property(({ breaker, now }) => {
      const { answer } = admit(breaker, "c", { token: "t", ttlMs: TTL_MS }, now);
      expect(answer.cacheMs).toBeLessThanOrEqual(2_000);
      if (!answer.allowed) expect(answer.cacheMs).toBeLessThanOrEqual(answer.retryAfterMs);
      else if (answer.pass.probe !== null) expect(answer.cacheMs).toBe(0);
    }, 500);
  });

  it("an eviction forgets nothing but successes of a window without failures", () => {
    property(({ breaker, stored, now }) => {
      const [memory, disk] = [described(breaker, "c", now), described(stored, "c", now)];
      if (memory.failures > 0 || memory.state !== "closed") {
        return expect(settled(stored, now)).toEqual(settled(breaker, now));
      }
      const { calls, ...rest } = memory;
      // One that is forgotten sooner is closed all the same.
      expect(disk).toMatchObject(disk.epoch === 0 ? { ...rest, epoch: 0 } : rest);
      expect(disk.calls).toBeLessThanOrEqual(calls);
    });
  });

  it("what time does by itself needs no writing down", () => {
    property(({ breaker, now }) => {
      expect(settled(settled(breaker, now), now)).toEqual(settled(breaker, now));
      for (const later of [1_000, 30_000, HOUR_MS, DAY_MS, 3 * DAY_MS]) {
        expect(settled(settled(breaker, now), now + later)).toEqual(settled(breaker, now + later));
      }
    }, 500);
  });

  it("stores little, however many calls there are", () => {
    property(({ stored }) => expect(JSON.stringify(stored).length).toBeLessThan(4_000), 200);
    const kept = new KeptBreaker();
    for (let i = 0; i < 20_000; i++) {
      kept.now += 37;
      kept.call(i % 3 === 0 ? failure : success);
    }
    expect(kept.state).toMatchObject({ state: "closed", calls: expect.any(Number) });
    expect(JSON.stringify(kept.stored).length).toBeLessThan(5_000);
  });
});
