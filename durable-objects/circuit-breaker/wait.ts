import type { TripReason } from "../../src/ports/circuit-breaker.ts";

/** The first opening lasts that long, each further one twice as long as the one before, up to twenty times as long. */
export const DEFAULT_BACKOFF_MS = 30_000;
const MAX_BACKOFF_FACTOR = 20;
/** For a provider that says "too many" and not for how long: a breath for all, beside each job's own growing wait. */
const RATE_LIMITED_MS = 750;
const MIN_ASKED_MS = 1_000;
/** A day's quota is back within a day and the hour that clocks are changed by. */
const MAX_ASKED_MS = 25 * 3_600_000;
/** Always on top: nobody is asked again before the time he named. */
const JITTER_SHARE = 0.1;
const MAX_JITTER_MS = 30_000;

/** How long to stay open: what was asked for or, without that, longer each time. `random` is in [0, 1). */
export function waitMs(
  reason: TripReason,
  askedMs: number | null,
  reopenings: number,
  random: number,
  backoffMs = DEFAULT_BACKOFF_MS,
): number {
  const jittered = (ms: number) => Math.ceil(ms + Math.min(ms * JITTER_SHARE, MAX_JITTER_MS) * random);
  if (askedMs !== null && !Number.isNaN(askedMs)) {
    return Math.min(jittered(Math.max(askedMs, MIN_ASKED_MS)), MAX_ASKED_MS);
  }
  if (reason === "rate_limited") return jittered(RATE_LIMITED_MS);
  return Math.min(jittered(backoffMs * 2 ** reopenings), backoffMs * MAX_BACKOFF_FACTOR);
}
