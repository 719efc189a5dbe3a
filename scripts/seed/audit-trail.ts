/** Events of the audit log, linked into their subjects' chains as the linker would have done it within the minute. */
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { auditLog } from "../../src/db/d1/schema/index.ts";
import type { AuditAction, AuditDetail } from "../../src/kernel/audit.ts";
import type { Random } from "./random.ts";
import { type Insert, inserter } from "./tables.ts";

/** The end of a subject's chain. */
export interface Chain {
  seq: number;
  hash: string;
}

export interface Deed {
  readonly subjectId: string;
  readonly actorId: string;
  readonly action: AuditAction;
  readonly sessionId: string | null;
  readonly ipPrefix: string | null;
  /** Its keys are in alphabetical order. */
  readonly detail: AuditDetail | null;
  readonly at: number;
}

/** Of canonical JSON: as it comes, as long as no value is an object whose keys are out of order. */
const sha256 = (values: readonly unknown[]) => hash("sha256", JSON.stringify(values), "hex");

/**
 * The digests and hashes of src/modules/audit/chain.ts, without its promises: a million of them would take longer than
 * all the rest. Events go in linked, for which the table's trigger must be away.
 */
export class AuditTrail {
  readonly #random: Random;
  readonly #insert: Insert<typeof auditLog>;

  constructor(db: DatabaseSync, random: Random) {
    this.#random = random;
    this.#insert = inserter(db, auditLog);
  }

  /** Deeds of one subject come in the order of their times. */
  add(chain: Chain, deed: Deed): void {
    const { subjectId, actorId, action, sessionId, ipPrefix, detail, at } = deed;
    const id = this.#random.id("aud", at);
    const salt = this.#random.hex(4);
    const digest = sha256([salt, actorId, sessionId, ipPrefix, detail]);
    chain.seq += 1;
    chain.hash = sha256([chain.hash, chain.seq, id, action, "success", at, digest]);
    const event = { id, actorId, action, sessionId, ipPrefix, detail, outcome: "success", createdAt: at } as const;
    this.#insert({ ...event, userId: subjectId, seq: chain.seq, salt, digest, hash: chain.hash });
  }
}
