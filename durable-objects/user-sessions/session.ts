import type { OpenSessionRequest, RefreshRequest, Standing } from "./contract.ts";

/** A session as stored. Times are epoch ms by the object's clock. */
export interface SessionRecord {
  readonly id: string;
  /** What proved that it may be opened, where that is good for one session. */
  readonly openedBy: string | null;
  /** The account's epoch when it was opened. */
  readonly epoch: number;
  readonly salt: string;
  /** How often the session's refresh token has been replaced. */
  readonly counter: number;
  /** When it was last replaced; null when never. */
  readonly rotatedAt: number | null;
  /** 1 once the latest refresh has been seen to have arrived. */
  readonly used: 0 | 1;
  readonly userAgent: string | null;
  readonly ipPrefix: string | null;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly idleExpiresAt: number;
  readonly absoluteExpiresAt: number;
}

/** Use is written down at most this often: it is shown to people, and a write for every request would be waste. */
export const TOUCH_INTERVAL_MS = 60_000;

export function expiresAt(session: Pick<SessionRecord, "idleExpiresAt" | "absoluteExpiresAt">): number {
  return Math.min(session.idleExpiresAt, session.absoluteExpiresAt);
}

export function isLive(session: Pick<SessionRecord, "idleExpiresAt" | "absoluteExpiresAt">, now: number): boolean {
  return now < expiresAt(session);
}

/** The session as a request under `counter` leaves it; the same object when there is nothing to write. */
export function touched(session: SessionRecord, counter: number, now: number): SessionRecord {
  const isDue = now - session.lastSeenAt >= TOUCH_INTERVAL_MS;
  const provesUse = session.used === 0 && counter === session.counter;
  if (!isDue && !provesUse) return session;
  return { ...session, lastSeenAt: isDue ? now : session.lastSeenAt, used: provesUse ? 1 : session.used };
}

/** The record of a session opened now. */
export function newSession(id: string, salt: string, request: OpenSessionRequest, now: number): SessionRecord {
  return {
    id,
    openedBy: request.proof,
    epoch: request.standing.epoch,
    salt,
    counter: 0,
    rotatedAt: null,
    used: 0,
    userAgent: request.userAgent,
    ipPrefix: request.ipPrefix,
    createdAt: now,
    lastSeenAt: now,
    idleExpiresAt: now + Math.min(request.idleMs, request.absoluteMs),
    absoluteExpiresAt: now + request.absoluteMs,
  };
}

/** The sessions that have to go so that one more fits: all that are over, and the oldest above the cap. */
export function sessionsToEnd(
  existing: readonly Pick<SessionRecord, "id" | "createdAt" | "idleExpiresAt" | "absoluteExpiresAt">[],
  maxSessions: number,
  now: number,
): string[] {
  const over = existing.filter((session) => !isLive(session, now));
  const live = existing
    .filter((session) => isLive(session, now))
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  const surplus = live.slice(0, Math.max(0, live.length - (maxSessions - 1)));
  return [...over, ...surplus].map((session) => session.id);
}

export type RefreshDecision =
  | { readonly kind: "advance"; readonly session: SessionRecord }
  | { readonly kind: "repeat" }
  | { readonly kind: "reuse" };

/**
 * What a refresh token of a live session is worth. The present one is replaced. Its immediate predecessor gives the same
 * successor again for a few seconds (tabs, retries), and for longer while that successor has not been used (an answer
 * that was lost). Anything else shows that two parties hold the family's tokens (RFC 9700 §4.14.2). Both bounds are
 * needed: without the second, thief and owner could alternate unseen.
 */
export function decideRefresh(
  session: SessionRecord,
  request: Pick<RefreshRequest, "counter" | "idleMs" | "graceMs" | "unusedGraceMs">,
  now: number,
): RefreshDecision {
  if (request.counter === session.counter) {
    const idleExpiresAt = Math.min(now + request.idleMs, session.absoluteExpiresAt);
    const counter = session.counter + 1;
    return {
      kind: "advance",
      session: { ...session, counter, rotatedAt: now, used: 0, lastSeenAt: now, idleExpiresAt },
    };
  }
  const sinceMs = now - (session.rotatedAt ?? Number.NEGATIVE_INFINITY);
  const grace = session.used === 1 ? request.graceMs : Math.max(request.graceMs, request.unusedGraceMs);
  return { kind: request.counter === session.counter - 1 && sinceMs <= grace ? "repeat" : "reuse" };
}

/** Of two standings the later; of one epoch the one just read from the database, which is the truth. */
export function laterStanding(present: Standing | null, offered: Standing): Standing {
  return present === null || offered.epoch >= present.epoch ? offered : present;
}

/** The session cut down to `restrictedMs`, under a salt no refresh token was made of. */
export function restricted(session: SessionRecord, salt: string, restrictedMs: number, now: number): SessionRecord {
  return { ...session, salt, idleExpiresAt: Math.min(session.idleExpiresAt, now + restrictedMs) };
}
