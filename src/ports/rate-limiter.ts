/** At most `limit` in any span of `windowMs`; a `lock` window blocks for `windowMs` from the take that filled it. */
export interface RateWindow {
  readonly limit: number;
  readonly windowMs: number;
  readonly kind?: "sliding" | "lock";
}

/** A limit as data. */
export interface RatePolicy {
  /** What is limited; keys of different policies never meet. */
  readonly name: string;
  /** Judged together: all of them let a take through, or it is not counted at all. */
  readonly windows: readonly RateWindow[];
  /** Lets the first window grow to a share of the best bucket of settled takes. */
  readonly growth?: { readonly share: number; readonly bucketMs: number; readonly lookbackMs: number };
  /** Whether callers may see what is left: only where it tells them of nobody but themselves. */
  readonly shown: boolean;
}

/** A counted take, to undo or settle it by; holds no personal data. */
export interface RateTicket {
  readonly object: string;
  readonly takeId: number;
}

export type Taken =
  /** `remaining` is what the tightest window still lets through. */
  | { readonly allowed: true; readonly ticket: RateTicket; readonly remaining: number }
  /** `pending` takes of a lock are undecided: room may come before `retryAfterMs`. */
  | { readonly allowed: false; readonly retryAfterMs: number; readonly pending: number };

/** What is left of a shown policy after the latest take of this request. */
export interface ShownLimit {
  readonly policy: RatePolicy;
  readonly windowMs: number;
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/**
 * Exact counting, shared by every isolate.
 * @throws {AppError} `service_unavailable` from every method when the count can't be asked: limits fail closed.
 */
export interface RateLimiter {
  /** Counts one unit against `subject` unless a window is full; what is refused is not counted. */
  take(policy: RatePolicy, subject: string): Promise<Taken>;
  /** Decides a take of a lock: it stays. */
  confirm(ticket: RateTicket): Promise<void>;
  /** Undoes a take. Idempotent. */
  giveBack(ticket: RateTicket): Promise<void>;
  /** Undoes a take that turned out well and lets the policy's limit grow by it. Idempotent. */
  settle(policy: RatePolicy, ticket: RateTicket): Promise<void>;
  /** Forgets all that was counted against `subject`. */
  clear(policy: RatePolicy, subject: string): Promise<void>;
  /** The shown policies this instance has taken from. */
  shown(): readonly ShownLimit[];
}
