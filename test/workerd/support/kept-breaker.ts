import {
  admit,
  type Breaker,
  described,
  FRESH,
  forced,
  mustStore,
  report,
} from "../../../durable-objects/circuit-breaker/breaker.ts";
import type { CircuitOutcome, CircuitPass, TripReason } from "../../../src/ports/circuit-breaker.ts";

export const START = 1_800_000_000_000;
export const TTL_MS = 120_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A breaker as the object keeps it: in memory, and stored where it must be. Waits have no jitter. */
export class KeptBreaker {
  now = START;
  breaker: Breaker = FRESH;
  stored: Breaker = FRESH;
  passes: CircuitPass[] = [];
  #probes = 0;

  keep(next: Breaker): void {
    if (mustStore(this.breaker, next)) this.stored = structuredClone(next);
    this.breaker = next;
  }

  admit() {
    this.#probes++;
    const { breaker, answer } = admit(this.breaker, "c", { token: `probe-${this.#probes}`, ttlMs: TTL_MS }, this.now);
    this.keep(breaker);
    if (answer.allowed) this.passes.push(answer.pass);
    return answer;
  }

  report(pass: CircuitPass, outcome: CircuitOutcome): TripReason | "closed" | null {
    const { breaker, change } = report(this.breaker, pass, outcome, this.now, 0);
    this.keep(breaker);
    return change;
  }

  /** A call that must be let through, and its outcome. */
  call(outcome: CircuitOutcome): TripReason | "closed" | null {
    const answer = this.admit();
    if (!answer.allowed) throw new Error(`refused: ${answer.reason}`);
    return this.report(answer.pass, outcome);
  }

  force(force: "open" | "closed" | "auto"): void {
    this.keep(forced(this.breaker, force, this.now));
  }

  get state() {
    return described(this.breaker, "c", this.now);
  }
}

export const failure: CircuitOutcome = { kind: "failure" };
export const success: CircuitOutcome = { kind: "success" };
export const trip = (reason: TripReason, retryAfterMs: number | null = null): CircuitOutcome => ({
  kind: "trip",
  reason,
  retryAfterMs,
});
