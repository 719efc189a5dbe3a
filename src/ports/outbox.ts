export const OUTBOX_TOPICS = [
  "conversion.run",
  "objects.delete",
  "sessions.advance",
  "sessions.end",
  "account.erase",
] as const;
export type OutboxTopic = (typeof OUTBOX_TOPICS)[number];

interface Payloads {
  readonly "conversion.run": { readonly conversionId: string };
  readonly "objects.delete": { readonly keys: readonly string[] };
  /** Sessions opened before `epoch` end, or keep going under a changed standing; see `SessionStore.advance`. */
  readonly "sessions.advance": {
    readonly userId: string;
    readonly epoch: number;
    readonly role: string;
    readonly status: string;
    readonly effect: "end" | "restrict";
    readonly keep: string | null;
  };
  readonly "sessions.end": { readonly userId: string; readonly sessionId: string };
  /**
   * What is left of a deleted account: rows and objects. `aliases` are the log's names of its phone; `pseudonym` is what
   * the log calls the account from now on, chosen by the erasure's first step.
   */
  readonly "account.erase": {
    readonly userId: string;
    readonly aliases: readonly string[];
    readonly pseudonym?: string;
  };
}

/** Work a committed transaction promised. */
export type OutboxEntry<T extends OutboxTopic = OutboxTopic> = {
  [K in T]: { readonly id: string; readonly topic: K; readonly payload: Payloads[K] };
}[T];

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
  /** Entries of these topics that were left over, oldest first. */
  listDue<T extends OutboxTopic>(topics: readonly T[], now: number, limit: number): Promise<readonly OutboxEntry<T>[]>;
  /** Idempotent. */
  settle(id: string): Promise<void>;
  /**
   * The same, in one write with others of the isolate's, or never where the isolate ends before: for entries whose work
   * the sweeper may repeat without harm. Resolves before that where another invocation does it.
   */
  settleSoon(id: string): Promise<void>;
  /** Leaves an entry alone until `dueAt`. */
  postpone(id: string, dueAt: number): Promise<void>;
}
