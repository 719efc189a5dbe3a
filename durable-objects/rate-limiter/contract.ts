/** RPC types of the RateLimiter object: all that src/ may import of it. Plain data only. */

/** At most `limit` takes in any span of `windowMs`. */
export interface RateWindow {
  readonly limit: number;
  readonly windowMs: number;
  /**
   * `sliding` (the default): a take is free again `windowMs` after it was made. `lock`: the take that fills the window
   * locks everything for `windowMs`, counted from that take, and then all starts afresh.
   */
  readonly kind?: "sliding" | "lock";
}

/** Lets the first window's limit grow with what was settled: `share` of the best bucket within `lookbackMs`. */
export interface RateGrowth {
  readonly share: number;
  readonly bucketMs: number;
  readonly lookbackMs: number;
}

export interface TakeRequest {
  /** Judged together: a take is counted in every window or in none. */
  readonly windows: readonly RateWindow[];
  readonly growth?: RateGrowth;
}

export interface WindowState {
  /** The limit in force, growth included. */
  readonly limit: number;
  readonly remaining: number;
  /** Until one more unit is free than now; 0 when nothing is taken. */
  readonly resetMs: number;
}

export type TakeAnswer =
  | { readonly allowed: true; readonly takeId: number; readonly windows: readonly WindowState[] }
  | {
      readonly allowed: false;
      readonly retryAfterMs: number;
      readonly windows: readonly WindowState[];
      /** Takes of a lock that are still undecided: one that is given back would make room. */
      readonly pending: number;
    };

/** The takes of one key; the object's name is a MAC of purpose and value, so it says nothing about either. */
export interface RateLimiterApi {
  take(request: TakeRequest): Promise<TakeAnswer>;
  /** Decides a take of a lock: it stays. Undecided ones count all the same. */
  confirm(takeId: number): Promise<void>;
  /** Undoes a take. Idempotent. */
  giveBack(takeId: number): Promise<void>;
  /** Undoes a take and counts it towards the growth of the limit. Idempotent. */
  settle(takeId: number, growth: RateGrowth): Promise<void>;
  /** Forgets every take. */
  clear(): Promise<void>;
}
