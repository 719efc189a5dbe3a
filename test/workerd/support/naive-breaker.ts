import fc from "fast-check";
import type { CircuitForce, CircuitOutcome, CircuitPass, TripReason } from "../../../src/ports/circuit-breaker.ts";

const SECOND_MS = 1_000;
const DAY_MS = 24 * 3_600_000;

type Pass = Pick<CircuitPass, "epoch" | "probe">;

/** What the model says of an admission; `retryAfterMs` null when it is allowed. */
export interface Verdict {
  readonly reason: TripReason | null;
  readonly retryAfterMs: number | null;
}

/**
 * A breaker by its definition, without regard to cost: a log of every call since the last opening, and flags. Waits have
 * no jitter.
 */
export class NaiveBreaker {
  now: number;
  force: CircuitForce = "auto";
  isOpen = false;
  log: { readonly at: number; readonly failed: boolean }[] = [];
  reason: TripReason = "failures";
  openedAt = 0;
  until = 0;
  needsProbes = true;
  reopenings = 0;
  successes = 0;
  probe: { readonly token: string; readonly until: number } | null = null;
  /** Opening or closing adds one; `epochs[i]` is what the breaker under test calls it. */
  epochs = [0];
  lastEventAt = 0;
  #endedAt = 0;

  constructor(now: number) {
    this.now = now;
  }

  get #isHalfOpen(): boolean {
    return this.isOpen && this.now >= this.until;
  }

  #turn(at = this.now): void {
    this.epochs.push(Math.max((this.epochs.at(-1) ?? 0) + 1, at));
    this.log = [];
    this.probe = null;
    this.successes = 0;
  }

  #close(at = this.now): void {
    this.isOpen = false;
    this.reopenings = 0;
    this.#turn(at);
  }

  /** What time does by itself. */
  tick(): void {
    if (this.force === "open") return;
    if (this.isOpen && this.now >= this.until) {
      this.lastEventAt = Math.max(this.lastEventAt, this.until);
      if (!this.needsProbes) this.#close(this.until);
    }
    const quietSince = this.isOpen ? Math.max(this.lastEventAt, this.until) : this.lastEventAt;
    if (this.force === "auto" && this.now >= quietSince + DAY_MS) {
      this.#close();
      this.epochs = [0];
      this.lastEventAt = 0;
    }
  }

  window(): { calls: number; failures: number } {
    const second = (at: number) => Math.floor(at / SECOND_MS);
    const live = this.log.filter(({ at }) => second(this.now) - second(at) < 60);
    return { calls: live.length, failures: live.filter(({ failed }) => failed).length };
  }

  admit(token: string, ttlMs: number): Verdict {
    this.tick();
    if (this.force === "open") return { reason: "forced", retryAfterMs: 30_000 };
    if (!this.isOpen) return { reason: null, retryAfterMs: null };
    if (!this.#isHalfOpen) return { reason: this.reason, retryAfterMs: this.until - this.now };
    if (this.probe && this.now < this.probe.until) {
      return { reason: "failures", retryAfterMs: Math.min(5_000, this.probe.until - this.now) };
    }
    this.probe = { token, until: this.now + ttlMs };
    this.lastEventAt = this.now;
    return { reason: null, retryAfterMs: null };
  }

  #wait(reason: TripReason, askedMs: number | null): number {
    if (askedMs !== null) return Math.min(Math.max(askedMs, SECOND_MS), 25 * 3_600_000);
    if (reason === "rate_limited") return 750;
    let ms = 30_000;
    for (let i = 0; i < this.reopenings && ms < 600_000; i++) ms *= 2;
    return Math.min(ms, 600_000);
  }

  #open(reason: TripReason, askedMs: number | null): TripReason {
    const again = this.isOpen;
    if (again && reason !== "rate_limited") this.reopenings++;
    this.needsProbes = again || reason !== "rate_limited";
    this.#endedAt = this.epochs.at(-1) ?? 0;
    this.isOpen = true;
    this.reason = reason;
    this.openedAt = this.now;
    this.until = this.now + this.#wait(reason, askedMs);
    this.lastEventAt = this.now;
    this.#turn();
    return reason;
  }

  report(pass: Pass, outcome: CircuitOutcome): TripReason | "closed" | null {
    this.tick();
    const epoch = this.epochs.at(-1) ?? 0;
    if (this.force === "open" || pass.epoch < 0) return null;
    if (this.#isHalfOpen) {
      if (pass.epoch !== epoch || this.probe === null || pass.probe !== this.probe.token) return null;
      if (outcome.kind === "trip") return this.#open(outcome.reason, outcome.retryAfterMs);
      if (outcome.kind === "failure") return this.#open("failures", null);
      this.probe = null;
      this.lastEventAt = this.now;
      if (outcome.kind === "success") this.successes++;
      if (this.successes < 2) return null;
      this.#close();
      return "closed";
    }
    if (this.isOpen) {
      if (outcome.kind !== "trip" || pass.epoch < this.#endedAt) return null;
      const until = this.now + this.#wait(outcome.reason, outcome.retryAfterMs);
      if (until <= this.until) return null;
      const isNews = outcome.reason !== this.reason;
      this.until = until;
      this.reason = outcome.reason;
      if (outcome.reason !== "rate_limited") this.needsProbes = true;
      this.lastEventAt = this.now;
      return isNews ? outcome.reason : null;
    }
    if (pass.epoch < epoch || pass.probe !== null || outcome.kind === "neutral") return null;
    if (outcome.kind === "trip") return this.force === "auto" ? this.#open(outcome.reason, outcome.retryAfterMs) : null;
    this.log.push({ at: this.now, failed: outcome.kind === "failure" });
    this.lastEventAt = this.now;
    const { calls, failures } = this.window();
    const opens = outcome.kind === "failure" && failures >= 5 && failures * 2 >= calls;
    return opens && this.force === "auto" ? this.#open("failures", null) : null;
  }

  setForce(force: CircuitForce): void {
    this.tick();
    if (force === this.force) return;
    const was = this.force;
    this.force = force;
    this.lastEventAt = this.now;
    if (force === "closed") {
      if (this.isOpen || was === "open") this.#close();
    } else if (force === "open" || was === "open") {
      this.#turn();
    }
  }
}

export type BreakerStep =
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "admit" }
  /** `nth` last of the passes that were ever given. */
  | { readonly do: "report"; readonly nth: number; readonly outcome: CircuitOutcome }
  | { readonly do: "force"; readonly force: CircuitForce };

const REASONS = ["rate_limited", "quota_day", "config", "budget"] as const;

export const arbitraryOutcome: fc.Arbitrary<CircuitOutcome> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "success" as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: "failure" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "neutral" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("trip" as const),
      reason: fc.constantFrom(...REASONS),
      retryAfterMs: fc.oneof(fc.constant(null), fc.constantFrom(0, 999, 37_000, 3_600_000, 2 * DAY_MS)),
    }),
  },
);

export const arbitraryBreakerStep: fc.Arbitrary<BreakerStep> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      ms: fc.oneof(
        fc.nat(2_000),
        fc.constantFrom(5_000, 10_000, 30_000, 59_000, 60_000, 120_000, 600_000, DAY_MS, DAY_MS + 3_600_000),
      ),
    }),
  },
  { weight: 6, arbitrary: fc.constant({ do: "admit" as const }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      nth: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) }),
      outcome: arbitraryOutcome,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("force" as const),
      force: fc.constantFrom("open" as const, "closed" as const, "auto" as const),
    }),
  },
);
