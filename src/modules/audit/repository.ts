import type { AuditAction, AuditDetail, AuditEvent, AuditOutcome } from "../../kernel/audit.ts";
import type { Page, PageRequest } from "../../kernel/page.ts";

/** An event as stored. Fields are null once they were erased with the account they told of. */
export interface AuditRecord {
  readonly id: string;
  /** Whose log it is in: a user's id, or a pseudonym. */
  readonly subjectId: string;
  readonly actorId: string;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly sessionId: string | null;
  readonly ipPrefix: string | null;
  readonly detail: AuditDetail | null;
  readonly createdAt: number;
}

/** The place of an event in its subject's chain. */
export interface AuditLink {
  /** 1 for a subject's first event. */
  readonly seq: number;
  readonly salt: string | null;
  readonly digest: string;
  readonly hash: string;
}

/** The last link of a chain. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** An event outside of its chain; `stray` when it carries what is left of a link, which no event of ours does. */
export interface UnlinkedRecord extends AuditRecord {
  readonly stray: boolean;
}

export interface AuditFilter {
  readonly subjectId?: string;
  readonly actorId?: string;
  readonly action?: AuditAction;
  readonly outcome?: AuditOutcome;
  /** Epoch ms, inclusive and exclusive; compared with the time in the event's id, which is when its request came. */
  readonly from?: number;
  readonly to?: number;
}

/**
 * The append-only log. Events of successes are inserted by the repositories in the transaction of the change; here are
 * failures, reading, and linking into chains.
 */
export interface AuditRepository {
  /** Idempotent by the event's id: where a success has been recorded, it stays. */
  record(event: AuditEvent): Promise<void>;
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRecord>>;
  /** Subjects with events to link, at most `limit`. */
  listUnlinked(limit: number): Promise<readonly string[]>;
  /** The last link of a subject's chain (null when there is none), and its unlinked events in order of id. */
  tail(
    subjectId: string,
    limit: number,
  ): Promise<{ readonly head: ChainHead | null; readonly unlinked: readonly AuditRecord[] }>;
  /**
   * Links events behind `head`, all or none; of racing linkers one wins.
   * @returns false when the chain has another head by now, or an event was linked, renamed or erased meanwhile.
   */
  link(subjectId: string, head: ChainHead | null, events: readonly (AuditRecord & AuditLink)[]): Promise<boolean>;
  /** A subject's linked events after `afterSeq` (null for all), in order. */
  chain(subjectId: string, afterSeq: number | null, limit: number): Promise<readonly (AuditRecord & AuditLink)[]>;
  /** A subject's events outside of its chain, in order of id. */
  unlinked(subjectId: string, afterId: string, limit: number): Promise<readonly UnlinkedRecord[]>;
}
