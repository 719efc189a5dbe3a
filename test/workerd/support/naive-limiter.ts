import fc from "fast-check";
import type { RateWindow, WindowState } from "../../../durable-objects/rate-limiter/contract.ts";

interface KeptTake {
  readonly id: number;
  readonly at: number;
}

/** What one window says at a moment; `used` counts towards its limit. */
interface Reading {
  readonly free: boolean;
  readonly used: number;
}

/**
 * The rate limiter by its definition and nothing else: it keeps every take that stands, and works every answer out from
 * the first of them on. Slow, and too simple to be wrong.
 */
export class NaiveLimiter {
  readonly windows: readonly RateWindow[];
  #takes: KeptTake[] = [];

  constructor(windows: readonly RateWindow[]) {
    this.windows = windows;
  }

  get takes(): readonly KeptTake[] {
    return this.#takes;
  }

  record(id: number, at: number): void {
    this.#takes.push({ id, at });
  }

  giveBack(id: number): void {
    this.#takes = this.#takes.filter((take) => take.id !== id);
  }

  clear(): void {
    this.#takes = [];
  }

  allows(now: number): boolean {
    return this.windows.every((window) => this.#read(window, now).free);
  }

  /** How long until a take is let through when none is made meanwhile: states change only a window after some take. */
  retryAfterMs(now: number): number {
    return (
      this.#nextChange(
        now,
        () => true,
        (at) => this.allows(at),
      ) ?? Number.POSITIVE_INFINITY
    );
  }

  states(now: number): WindowState[] {
    return this.windows.map((window) => {
      const left = (at: number) => {
        const { free, used } = this.#read(window, at);
        return free ? window.limit - used : 0;
      };
      const remaining = left(now);
      const resetMs =
        remaining === window.limit
          ? 0
          : (this.#nextChange(
              now,
              (other) => other === window,
              (at) => left(at) > remaining,
            ) ?? 0);
      return { limit: window.limit, remaining, resetMs };
    });
  }

  #nextChange(now: number, concerns: (window: RateWindow) => boolean, isMet: (at: number) => boolean): number | null {
    const ends = this.#takes.flatMap(({ at }) => this.windows.filter(concerns).map(({ windowMs }) => at + windowMs));
    const moments = [now, ...ends.filter((end) => end > now)].sort((a, b) => a - b);
    const met = moments.find(isMet);
    return met === undefined ? null : met - now;
  }

  #read({ kind, limit, windowMs }: RateWindow, now: number): Reading {
    if (kind !== "lock") {
      const used = this.#takes.filter(({ at }) => at > now - windowMs && at <= now).length;
      return { free: used < limit, used };
    }
    let run: number[] = [];
    let lockedUntil = Number.NEGATIVE_INFINITY;
    for (const { at } of this.#takes) {
      run = [...run.filter((earlier) => earlier > at - windowMs), at];
      if (run.length < limit) continue;
      lockedUntil = at + windowMs;
      run = [];
    }
    return { free: now >= lockedUntil, used: run.filter((at) => at > now - windowMs).length };
  }
}

/** Windows of both kinds, small enough that random steps meet their edges; `unitMs` is the length of a step. */
export function arbitraryWindows(unitMs: number): fc.Arbitrary<RateWindow[]> {
  const window = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }), fc.constantFrom("sliding", "lock"))
    .map(([limit, units, kind]): RateWindow => ({ limit, windowMs: units * unitMs, kind }));
  return fc.array(window, { minLength: 1, maxLength: 3 });
}

export type Step =
  | { readonly do: "take" }
  | { readonly do: "advance"; readonly ms: number }
  /** Gives back the take that was made `nth` from the last, if there were as many. */
  | { readonly do: "giveBack"; readonly nth: number }
  | { readonly do: "clear" };

/** Mostly takes, and steps in time that land on edges, one ms before and one after them. */
export function arbitrarySteps(unitMs: number, maxLength: number): fc.Arbitrary<Step[]> {
  const aside = unitMs > 1 ? fc.constantFrom(-1, 0, 0, 0, 1) : fc.constant(0);
  const advance = fc
    .tuple(fc.integer({ min: 0, max: 7 }), aside)
    .map(([units, more]): Step => ({ do: "advance", ms: Math.max(0, units * unitMs + more) }));
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.constant<Step>({ do: "take" }) },
    { weight: 5, arbitrary: advance },
    { weight: 2, arbitrary: fc.nat(5).map((nth): Step => ({ do: "giveBack", nth })) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "clear" }) },
  );
  return fc.array(step, { minLength: 1, maxLength });
}
