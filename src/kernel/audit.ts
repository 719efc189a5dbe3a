import type { Actor } from "./request-context.ts";

/** What people do, by the names the audit log and its readers use. */
export const AUDIT_ACTIONS = [
  "auth.send_otp",
  "auth.verify_otp",
  "auth.register",
  "auth.login",
  "auth.refresh",
  "auth.logout",
  "auth.logout_all",
  "auth.password_reset",
  "auth.password_change",
  "session.revoke",
  "user.update",
  "user.delete",
  "image.upload",
  "image.delete",
  "conversion.create",
  "conversion.update",
  "conversion.cancel",
  "conversion.retry",
  "conversion.delete",
  "admin.set_role",
  "admin.approve",
  "admin.disable",
  "admin.enable",
  "admin.end_sessions",
  "admin.grant_quota",
  "admin.force_circuit",
  "admin.replay_dead_letter",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export type AuditOutcome = "success" | "failure";

/** Flat and short. Never a code, token, password or whole phone. */
export type AuditDetail = Readonly<Record<string, string | number | boolean>>;

/**
 * Whose log an event belongs to: an account, or whoever has a phone. `pseudonym` stands for a phone without an account
 * and is a MAC of it.
 */
export type AuditSubject = { readonly userId: string } | { readonly phone: string; readonly pseudonym: string };

/** The actor of events whose sender has not proven who he is. */
export const ANONYMOUS = "anonymous";

/**
 * One request's place in the audit log. Its id is given before anything happens, so that success (written with the
 * change) and failure (written when the request is refused) can never both be recorded.
 */
export interface AuditStamp {
  readonly eventId: string;
  readonly action: AuditAction;
  /** Coarse: IPv4 /24 or IPv6 /48. */
  readonly ipPrefix: string | null;
  /** Told by the verb as soon as it knows, for the record of a failure. The actor's own log without it. */
  subject: AuditSubject | null;
  /** Told by the verb where a failure has more to it than its code. */
  detail: AuditDetail | null;
}

export interface AuditEvent {
  readonly id: string;
  readonly subject: AuditSubject;
  /** A user's id, or {@link ANONYMOUS}. */
  readonly actorId: string;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly sessionId: string | null;
  readonly ipPrefix: string | null;
  readonly detail: AuditDetail | null;
  readonly createdAt: number;
}

/** What a signed-in user has done to their own account or, with `subject`, to somebody else's. */
export function doneBy(
  actor: Pick<Actor, "userId" | "sessionId">,
  stamp: AuditStamp,
  createdAt: number,
  more: { readonly detail?: AuditDetail; readonly subject?: AuditSubject } = {},
): AuditEvent {
  return {
    id: stamp.eventId,
    subject: more.subject ?? { userId: actor.userId },
    actorId: actor.userId,
    action: stamp.action,
    outcome: "success",
    sessionId: actor.sessionId,
    ipPrefix: stamp.ipPrefix,
    detail: more.detail ?? null,
    createdAt,
  };
}

/** What somebody has done who is not signed in; `userId` once it is proven who that was. */
export function doneAnonymously(
  subject: AuditSubject,
  stamp: AuditStamp,
  createdAt: number,
  more: { readonly detail?: AuditDetail; readonly userId?: string; readonly sessionId?: string } = {},
): AuditEvent {
  return {
    id: stamp.eventId,
    subject,
    actorId: more.userId ?? ANONYMOUS,
    action: stamp.action,
    outcome: "success",
    sessionId: more.sessionId ?? null,
    ipPrefix: stamp.ipPrefix,
    detail: more.detail ?? null,
    createdAt,
  };
}
