import type { AuditAction, AuditEvent, AuditOutcome } from "../../kernel/audit.ts";
import type { Page, PageRequest } from "../../kernel/page.ts";

/** An event as stored. Fields are null once they were erased with the account they told of. */
export interface AuditRecord extends Omit<AuditEvent, "subject"> {
  /** Whose log it is in: a user's id, or a pseudonym. */
  readonly subjectId: string;
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

/** Where a subject's chain ends, and what is to be linked to it. */
export interface ChainTail {
  readonly subjectId: string;
  /** Null when there is no chain yet. */
  readonly head: ChainHead | null;
  /** In order of id. */
  readonly unlinked: readonly AuditRecord[];
}

/** Events with their links, behind the head they were made for. */
export interface ChainExtension {
  readonly subjectId: string;
  readonly head: ChainHead | null;
  readonly events: readonly (AuditRecord & AuditLink)[];
}

/**
 * The append-only log. Events of successes are inserted by the repositories in the transaction of the change; here are
 * failures, reading, and linking into chains.
 */
export interface AuditRepository {
  /** Idempotent by the event's id: where a success has been recorded, it stays. */
  record(event: AuditEvent): Promise<void>;
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRecord>>;
  /** Subjects with events to link, at most `limit`; first the one whose oldest is the oldest. */
  listWaiting(limit: number): Promise<readonly string[]>;
  /** The ends of these subjects' chains, each with at most `limit` events to link. */
  tails(subjectIds: readonly string[], limit: number): Promise<readonly ChainTail[]>;
  /**
   * Links each subject's events behind its head, all or none of them; of racing linkers one wins.
   * @returns whose were linked: not those whose chain has another head by now, or of whose events one was linked,
   * renamed or erased meanwhile.
   */
  link(chains: readonly ChainExtension[]): Promise<ReadonlySet<string>>;
  /**
   * Erases what is personal in linked events of phones without an account that were made before `before`, oldest first.
   * @returns how many events it changed, at most `limit`.
   */
  stripStrangers(before: number, limit: number): Promise<number>;
}
