/** Work a committed transaction promised. */
export type OutboxEntry =
  | { readonly id: string; readonly topic: "conversion.run"; readonly payload: { readonly conversionId: string } }
  | { readonly id: string; readonly topic: "objects.delete"; readonly payload: { readonly keys: readonly string[] } };

/**
 * Rows written in the transaction that made the promise. Whoever wrote one does the work and settles it; the sweeper
 * does what was left over. The work is idempotent, so doing it twice is harmless and losing it is impossible.
 */
export interface OutboxRepository {
  /** Promises to delete objects at `dueAt` unless the entry is settled before: for objects that have no row yet. */
  promiseDeletion(entry: {
    readonly id: string;
    readonly keys: readonly string[];
    readonly dueAt: number;
    readonly now: number;
  }): Promise<void>;
  find(id: string): Promise<OutboxEntry | null>;
  /** Entries left over, oldest first. */
  listDue(now: number, limit: number): Promise<readonly OutboxEntry[]>;
  /** Idempotent. */
  settle(id: string): Promise<void>;
}
