/** Work a committed transaction promised. */
export type OutboxEntry =
  | { readonly id: string; readonly topic: "conversion.run"; readonly payload: { readonly conversionId: string } }
  | { readonly id: string; readonly topic: "objects.delete"; readonly payload: { readonly keys: readonly string[] } };

/**
 * Rows written in the transaction that made the promise. Whoever wrote one does the work and settles it; the sweeper
 * does what was left over. The work is idempotent, so doing it twice is harmless and losing it is impossible.
 */
export interface OutboxRepository {
  /** Entries left over, oldest first. */
  listDue(now: number, limit: number): Promise<readonly OutboxEntry[]>;
  /** Idempotent. */
  settle(id: string): Promise<void>;
}
