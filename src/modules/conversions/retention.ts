/** Removing what has been kept for as long as its owner's plan says. */
export interface Retention {
  /**
   * Removes expired images, the oldest `limit` of them, and promises in the outbox to delete their objects. One that an
   * active conversion needs stays until `postponeTo`, when it is looked at again. Of racing callers one removes an
   * image; a conversion created at the same moment either keeps it or doesn't find it.
   */
  removeExpired(options: {
    readonly now: number;
    readonly limit: number;
    readonly postponeTo: number;
    readonly outboxId: string;
  }): Promise<{ readonly removed: number; readonly postponed: number }>;
}

/** Going through the object store for what no row tells of. */
export interface OrphanRecords {
  /** How far the walk `name` has come; null at its beginning. */
  cursor(name: string): Promise<string | null>;
  keepCursor(name: string, cursor: string | null, now: number): Promise<void>;
  /**
   * Which of these keys belong to no image and, if they are of a result, to no conversion that may still come to have
   * it. `unknown` are those of a shape that the service gives to none; they may be anybody's.
   */
  judge(keys: readonly string[]): Promise<{ readonly orphans: readonly string[]; readonly unknown: readonly string[] }>;
}
