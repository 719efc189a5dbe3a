/** RPC types of the UserSessions object: all that src/ may import of it. Plain data only. */
export type SessionRole = "user" | "vendor" | "admin";

export interface OpenSessionRequest {
  readonly role: SessionRole;
  readonly userAgent: string | null;
  readonly ipPrefix: string | null;
  /** How long the session lasts unless it is refreshed. */
  readonly idleMs: number;
  /** How long it lasts at the most. */
  readonly absoluteMs: number;
  /** The cap of live sessions; opening one more ends the oldest. */
  readonly maxSessions: number;
}

/** What a refresh token is derived from; the object stores no token. */
export interface OpenedSessionState {
  readonly sessionId: string;
  readonly counter: number;
  /** 128 random bits, base64url; fixed for the session's life. */
  readonly salt: string;
  /** By the object's clock. */
  readonly idleExpiresInMs: number;
}

/** One user's sessions; the object is named by the user's id. */
export interface UserSessionsApi {
  open(request: OpenSessionRequest): Promise<OpenedSessionState>;
  /** The role a live session may act with; null when it has ended or never was. */
  check(sessionId: string): Promise<SessionRole | null>;
}
