import type { OpenSessionRequest, SessionRole } from "./contract.ts";

/** A session as stored. Times are epoch ms by the object's clock. */
export interface SessionRecord {
  readonly id: string;
  readonly role: SessionRole;
  readonly salt: string;
  /** How often the session's refresh token has been replaced. */
  readonly counter: number;
  readonly userAgent: string | null;
  readonly ipPrefix: string | null;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly idleExpiresAt: number;
  readonly absoluteExpiresAt: number;
}

/** Use is written down at most this often: it is shown to people, and a write for every request would be waste. */
export const TOUCH_INTERVAL_MS = 60_000;

export function isLive(session: Pick<SessionRecord, "idleExpiresAt" | "absoluteExpiresAt">, now: number): boolean {
  return now < session.idleExpiresAt && now < session.absoluteExpiresAt;
}

export function isTouchDue(session: Pick<SessionRecord, "lastSeenAt">, now: number): boolean {
  return now - session.lastSeenAt >= TOUCH_INTERVAL_MS;
}

/** The record of a session opened now. */
export function newSession(id: string, salt: string, request: OpenSessionRequest, now: number): SessionRecord {
  return {
    id,
    salt,
    role: request.role,
    counter: 0,
    userAgent: request.userAgent,
    ipPrefix: request.ipPrefix,
    createdAt: now,
    lastSeenAt: now,
    idleExpiresAt: Math.min(now + request.idleMs, now + request.absoluteMs),
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
