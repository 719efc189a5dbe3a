import { type Clock, sleep } from "../../kernel/clock.ts";

const POLL_MS = 20;

export interface SharedRoundOptions {
  readonly clock: Clock;
  /** For how long after it was begun a round's result is given to everybody. */
  readonly cacheMs: number;
  /** A round that has not ended by then was cut off, and the next request begins another. */
  readonly staleMs: number;
}

/** Runs `make`, or waits for somebody else's round, or gives what the latest one found. */
export type SharedRound<T> = (make: () => Promise<T>) => Promise<T>;

/**
 * Requests of an isolate share a round of work. They look for its result themselves instead of awaiting its promise:
 * that belongs to the request which began the round, and never settles when it is torn down.
 */
export function createSharedRound<T>({ clock, cacheMs, staleMs }: SharedRoundOptions): SharedRound<T> {
  let latest: { readonly since: number; readonly value: T } | null = null;
  let running: { readonly since: number } | null = null;
  return async (make) => {
    for (;;) {
      const now = clock.now();
      if (latest !== null && now - latest.since < cacheMs) return latest.value;
      if (running === null || now - running.since >= staleMs) break;
      await sleep(POLL_MS);
    }
    const mine = { since: clock.now() };
    running = mine;
    try {
      const value = await make();
      latest = { since: mine.since, value };
      return value;
    } finally {
      if (running === mine) running = null;
    }
  };
}
