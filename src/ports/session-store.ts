import type { UserRole } from "../kernel/request-context.ts";

export interface SessionClient {
  readonly userAgent: string | null;
  /** Coarse: IPv4 /24 or IPv6 /48, never a whole address. */
  readonly ipPrefix: string | null;
}

export interface OpenedSession {
  readonly sessionId: string;
  /** Opaque; shown to the client once. */
  readonly refreshToken: string;
  /** Seconds until the session ends unless it is refreshed. */
  readonly refreshExpiresIn: number;
}

/** Every user's sessions, in one place that answers with the truth at once. */
export interface SessionStore {
  open(user: { readonly id: string; readonly role: UserRole }, client: SessionClient): Promise<OpenedSession>;
  /** The role the session may act with, or null when the session has ended or never was. */
  check(userId: string, sessionId: string): Promise<{ readonly role: UserRole } | null>;
}
