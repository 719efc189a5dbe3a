const BASE_MS = 1_000;
const CAP_MS = 60_000;
/** The first retry is promised within two seconds; the queue counts in whole ones, and delivery takes its share. */
const FIRST_CAP_MS = 1_000;

/**
 * Milliseconds until the next attempt after `attempt` (1-based) failed: exponential with full jitter
 * (AWS Architecture Blog, "Exponential Backoff And Jitter"), never less than the provider asked for.
 */
export function backoffMs(attempt: number, retryAfterMs: number | null, random: () => number = Math.random): number {
  const ceiling = attempt <= 1 ? FIRST_CAP_MS : Math.min(CAP_MS, BASE_MS * 2 ** attempt);
  return Math.max(Math.round(random() * ceiling), retryAfterMs ?? 0);
}
