import { describe, expect, it } from "vitest";
import type { CircuitPass, TripReason } from "../../src/ports/circuit-breaker.ts";
import {
  DAY_MS,
  failure,
  HOUR_MS,
  KeptBreaker,
  START,
  success,
  trip,
} from "../../test/workerd/support/kept-breaker.ts";
import { FRESH, forgottenAt, settled } from "./breaker.ts";
import { waitMs } from "./wait.ts";

describe("opening", () => {
  it("takes five failures, and half of the calls of the last sixty seconds", () => {
    const four = new KeptBreaker();
    for (let i = 0; i < 4; i++) expect(four.call(failure)).toBeNull();
    expect(four.call(success)).toBeNull();
    expect(four.call(failure)).toBe("failures");
    const healthy = new KeptBreaker();
    for (let i = 0; i < 9; i++) healthy.call(success);
    for (let i = 0; i < 8; i++) expect(healthy.call(failure)).toBeNull();
    expect(healthy.call(failure)).toBe("failures");
  });

  it("counts no failure that is older", () => {
    const kept = new KeptBreaker();
    for (let i = 0; i < 4; i++) kept.call(failure);
    kept.now += 60_000;
    expect(kept.state).toMatchObject({ calls: 0, failures: 0 });
    for (let i = 0; i < 4; i++) expect(kept.call(failure)).toBeNull();
    kept.now += 59_000;
    expect(kept.call(failure)).toBe("failures");
  });

  it("doubles from 30 s to 10 min while probes fail, and starts over once it has closed", () => {
    const kept = new KeptBreaker();
    for (let i = 0; i < 4; i++) kept.call(failure);
    const waits: (number | null)[] = [];
    for (let i = 0; i < 7; i++) {
      kept.call(failure);
      waits.push(kept.state.retryAfterMs);
      kept.now += kept.state.retryAfterMs ?? 0;
    }
    expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
    expect([kept.call(success), kept.call(success)]).toEqual([null, "closed"]);
    for (let i = 0; i < 5; i++) kept.call(failure);
    expect(kept.state.retryAfterMs).toBe(30_000);
  });

  it.each<[TripReason, number | null, number, number]>([
    ["failures", null, 30_000, 33_000],
    ["config", null, 30_000, 33_000],
    ["rate_limited", null, 750, 825],
    ["rate_limited", 37_000, 37_000, 40_700],
    ["quota_day", 5 * HOUR_MS, 5 * HOUR_MS, 5 * HOUR_MS + 30_000],
    ["quota_day", 90 * HOUR_MS, 25 * HOUR_MS, 25 * HOUR_MS],
    ["budget", Number.POSITIVE_INFINITY, 25 * HOUR_MS, 25 * HOUR_MS],
    ["config", -5, 1_000, 1_100],
    ["config", Number.NaN, 30_000, 33_000],
  ])("%s with %s waits from %s to %s ms", (reason, askedMs, least, most) => {
    for (const random of [0, 0.3, 0.999_999]) {
      const ms = waitMs(reason, askedMs, 0, random);
      expect(Number.isInteger(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(least);
      expect(ms).toBeLessThanOrEqual(most);
    }
    expect(waitMs(reason, askedMs, 0, 0)).toBe(least);
  });
});

describe("trips", () => {
  it("a limit of calls closes by itself, with a new epoch and without probes", () => {
    const kept = new KeptBreaker();
    const before = kept.state.epoch;
    expect(kept.call(trip("rate_limited"))).toBe("rate_limited");
    const open = kept.state.epoch;
    kept.now += 750;
    expect(kept.state).toMatchObject({ state: "closed", reason: null });
    expect(before < open && open < kept.state.epoch).toBe(true);
    for (let i = 0; i < 3; i++) expect(kept.admit()).toMatchObject({ allowed: true, pass: { probe: null } });
  });

  it("a limit met by a probe leaves the rest of the trial to other probes, and makes no wait longer", () => {
    const kept = new KeptBreaker();
    for (let i = 0; i < 5; i++) kept.call(failure);
    kept.now += 30_000;
    expect(kept.call(trip("rate_limited", 2_000))).toBe("rate_limited");
    kept.now += 2_000;
    expect(kept.state.state).toBe("half_open");
    kept.call(failure);
    expect(kept.state.retryAfterMs).toBe(60_000);
  });

  it("of parallel calls the one that was told to wait longest decides, and tells its reason once", () => {
    const kept = new KeptBreaker();
    const passes = Array.from({ length: 4 }, () => kept.admit()).flatMap((a) => (a.allowed ? [a.pass] : []));
    const outcomes = [
      trip("rate_limited", 10_000),
      trip("quota_day", HOUR_MS),
      trip("quota_day", 2 * HOUR_MS),
      trip("rate_limited", 1_000),
    ];
    const changes = outcomes.map((outcome, i) => kept.report(passes[i] as CircuitPass, outcome));
    expect(changes).toEqual(["rate_limited", "quota_day", null, null]);
    expect(kept.state).toMatchObject({ reason: "quota_day", retryAfterMs: 2 * HOUR_MS });
    kept.now += 2 * HOUR_MS;
    expect(kept.state.state).toBe("half_open");
  });
});

describe("while a probe is out", () => {
  it.each<TripReason>(["quota_day", "config", "budget", "rate_limited", "failures"])(
    "others are told to wait, whatever opened the circuit (%s), and admins what that was",
    (reason) => {
      const kept = new KeptBreaker();
      // The second of two: a limit of calls that is met in a trial leaves the trial to be finished.
      kept.call(trip("config", 1_000));
      kept.now += 1_000;
      kept.call(trip(reason, 1_000));
      expect(kept.admit()).toMatchObject({ allowed: false, reason });
      kept.now += 1_000;
      const probe = kept.admit();
      expect(kept.admit()).toMatchObject({ allowed: false, reason: "failures", retryAfterMs: 5_000 });
      expect(kept.state).toMatchObject({ state: "half_open", reason });
      expect(probe.allowed && kept.report(probe.pass, trip(reason, 1_000))).toBe(reason);
      expect(kept.admit()).toMatchObject({ allowed: false, reason });
    },
  );
});

describe("held by an admin", () => {
  it("open, it stands still and says since when; released, it is what it was, and trusts no call of before", () => {
    const kept = new KeptBreaker();
    for (let i = 0; i < 5; i++) kept.call(failure);
    kept.now += 30_000;
    kept.call(success);
    const late = kept.admit();
    kept.force("open");
    kept.now += HOUR_MS;
    expect(kept.state).toMatchObject({ state: "open", reason: "forced", openedAt: START + 30_000 });
    expect(kept.admit()).toEqual({ allowed: false, reason: "forced", retryAfterMs: 30_000, cacheMs: 2_000 });
    kept.force("auto");
    expect(kept.state).toMatchObject({ state: "half_open", reason: "failures" });
    expect(late.allowed && kept.report(late.pass, success)).toBeNull();
    expect([kept.call(success), kept.call(success)]).toEqual([null, "closed"]);
  });

  it("open, it says so for as long as that lasts, however the wait it interrupted would have gone on", () => {
    const kept = new KeptBreaker();
    kept.call(trip("rate_limited", HOUR_MS));
    kept.force("open");
    kept.now += 3 * DAY_MS;
    expect(kept.state).toMatchObject({ state: "open", reason: "forced", openedAt: START });
    kept.force("auto");
    expect(kept.state.state).toBe("closed");
  });

  it("closed, it lets all through and counts; the first failure after its release opens it", () => {
    const kept = new KeptBreaker();
    kept.call(trip("config"));
    kept.force("closed");
    for (let i = 0; i < 10; i++) expect(kept.call(failure)).toBeNull();
    expect(kept.call(trip("quota_day", HOUR_MS))).toBeNull();
    expect(kept.state).toMatchObject({ state: "closed", force: "closed", calls: 10, failures: 10 });
    kept.force("auto");
    expect(kept.state.state).toBe("closed");
    expect(kept.call(failure)).toBe("failures");
  });
});

it("a probe from before the breaker was forgotten counts for nothing, and a plain call from then counts", () => {
  const kept = new KeptBreaker();
  const { passes } = kept;
  for (let i = 0; i < 5; i++) kept.call(failure);
  kept.now += 30_000;
  kept.call(success);
  kept.call(success);
  const probe = passes.at(-1) as CircuitPass;
  kept.admit();
  const plain = passes.at(-1) as CircuitPass;
  kept.now += DAY_MS;
  kept.report(probe, failure);
  expect(kept.state).toMatchObject({ epoch: 0, calls: 0 });
  kept.report(plain, failure);
  expect(kept.state).toMatchObject({ epoch: 0, calls: 1 });
});

it("a breaker that nobody asks for a day is as new, whatever it was; one that is held stays", () => {
  const kept = new KeptBreaker();
  kept.call(trip("quota_day", 20 * HOUR_MS));
  const end = forgottenAt(kept.breaker);
  expect(end).toBe(START + 44 * HOUR_MS);
  expect(settled(kept.breaker, (end ?? 0) - 1)).not.toBe(FRESH);
  expect(settled(kept.breaker, end ?? 0)).toBe(FRESH);
  kept.force("closed");
  expect(forgottenAt(kept.breaker)).toBeNull();
});
