/** Removes rows whose time is over: idempotency keys, one-time codes, verification tokens, old records of operations. */
export interface Housekeeping {
  /** @returns how many rows went. */
  deleteExpired(now: number): Promise<number>;
}
