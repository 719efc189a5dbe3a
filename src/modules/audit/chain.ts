import type { AuditDetail } from "../../kernel/audit.ts";
import { canonicalJson, utf8 } from "../../kernel/encoding.ts";
import type { AuditLink, AuditRecord, ChainHead, UnlinkedRecord } from "./repository.ts";

/** How long an event may wait for the linker, which comes once a minute, before that is a problem. */
export const UNLINKED_GRACE_MS = 5 * 60_000;

export type LinkedRecord = AuditRecord & AuditLink;

/**
 * - `gap`: the event before it is missing.
 * - `digest`: actor, session, address, detail or salt is not what was linked.
 * - `hash`: anything else is not, or the event does not follow the one before it.
 * - `unlinked`: an event that should be in the chain by now, or was taken out of it.
 */
export interface ChainProblem {
  readonly seq: number | null;
  readonly id: string;
  readonly problem: "gap" | "digest" | "hash" | "unlinked";
}

export interface ChainReport {
  /** Linked ones. */
  readonly events: number;
  /** A chain cut off at its end still verifies: compare this with the last head the linker logged. */
  readonly head: ChainHead | null;
  readonly problems: readonly ChainProblem[];
}

// By hand: this runs in the Node of `npm run audit` too, which has no Uint8Array.prototype.toHex.
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sha256(values: readonly unknown[]): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(canonicalJson(values)))));
}

function digestOf(salt: string, event: AuditRecord): Promise<string> {
  return sha256([salt, event.actorId, event.sessionId, event.ipPrefix, event.detail]);
}

/** The subject is not in it, so that the trail of an erased account goes on under a pseudonym. */
function hashOf(prevHash: string, seq: number, event: AuditRecord, digest: string): Promise<string> {
  return sha256([prevHash, seq, event.id, event.action, event.outcome, event.createdAt, digest]);
}

/** Links events, in the order given, to the end of a subject's chain. */
export async function extendChain(
  head: ChainHead | null,
  events: readonly AuditRecord[],
): Promise<readonly LinkedRecord[]> {
  const linked: LinkedRecord[] = [];
  let { seq, hash } = head ?? { seq: 0, hash: "" };
  for (const event of events) {
    seq += 1;
    const salt = hex(crypto.getRandomValues(new Uint8Array(16)));
    const digest = await digestOf(salt, event);
    hash = await hashOf(hash, seq, event, digest);
    linked.push({ ...event, seq, salt, digest, hash });
  }
  return linked;
}

async function digestHolds(event: LinkedRecord): Promise<boolean> {
  if (event.salt !== null) return (await digestOf(event.salt, event)) === event.digest;
  // Erased: nobody can tell any more what the digest was made of, but then nothing personal may stand there either.
  return event.sessionId === null && event.ipPrefix === null && event.detail === null;
}

export interface ChainVerifier {
  /** The subject's linked events, in order of `seq`. */
  add(event: LinkedRecord): Promise<void>;
  /** Those outside of the chain. */
  addUnlinked(event: UnlinkedRecord, now: number): void;
  report(): ChainReport;
}

/** Checks one subject's chain event by event, so that a chain of any length can be read page by page. */
export function createChainVerifier(): ChainVerifier {
  const problems: ChainProblem[] = [];
  let events = 0;
  let head: ChainHead | null = null;

  return {
    async add(event) {
      const { id, seq } = event;
      const found = (problem: ChainProblem["problem"]) => problems.push({ seq, id, problem });
      if (seq !== (head?.seq ?? 0) + 1) {
        // What it was linked to is missing, so its hash can't be checked.
        found("gap");
      } else if ((await hashOf(head?.hash ?? "", seq, event, event.digest)) !== event.hash) found("hash");
      if (!(await digestHolds(event))) found("digest");
      events += 1;
      head = { seq, hash: event.hash };
    },
    addUnlinked({ id, createdAt, stray }, now) {
      if (stray || createdAt <= now - UNLINKED_GRACE_MS) problems.push({ seq: null, id, problem: "unlinked" });
    },
    report: () => ({ events, head, problems: [...problems] }),
  };
}

/** The stored detail; one that is not JSON was not written by us, and is shown as something that was never linked. */
export function readDetail(text: string | null): AuditDetail | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as AuditDetail;
  } catch {
    return { unreadable: true };
  }
}
