export interface AdmissionOptions {
  readonly maxWaiting: number;
  /** A job that has waited for this long is dropped, its caller having given up, and no longer counts. */
  readonly staleMs: number;
  /** Lets everything that has arrived meanwhile be counted before the next job starts. */
  readonly yieldTurn: () => Promise<unknown>;
}

/** Thrown instead of doing a job. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
}

/**
 * A short queue for work that blocks its isolate. The work itself is synchronous, so jobs run one after another anyway;
 * this counts those that wait. No job waits for another's promise: a cancelled request could never hold up the rest.
 */
export function createAdmission(options: AdmissionOptions): <T>(job: () => T | Promise<T>) => Promise<T> {
  const waiting = new Map<symbol, number>();
  return async (job) => {
    const now = Date.now();
    for (const [ticket, since] of waiting) if (now - since > options.staleMs) waiting.delete(ticket);
    if (waiting.size >= options.maxWaiting) throw new OverloadedError("too many passwords are waiting");
    const ticket = Symbol();
    waiting.set(ticket, now);
    try {
      await options.yieldTurn();
      if (Date.now() - now > options.staleMs) throw new OverloadedError("this password has waited for too long");
      return await job();
    } finally {
      waiting.delete(ticket);
    }
  };
}
