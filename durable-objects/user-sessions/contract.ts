/** RPC types of the UserSessions object: all that src/ may import of it. Plain data only. */
export type SessionRole = "user" | "vendor" | "admin";
export type SessionStatus = "active" | "pending" | "disabled" | "deleted";

/** What the account may do, as of `epoch`; of two standings the one of the later epoch holds. */
export interface Standing {
  readonly role: SessionRole;
  readonly status: SessionStatus;
  /** Raised in the database by every change of role, status or password, and by logging out everywhere. */
  readonly epoch: number;
}

export interface OpenSessionRequest {
  readonly standing: Standing;
  /** Of opens with one proof the first opens a session, and the others get the same; null for a session each time. */
  readonly proof: string | null;
  readonly userAgent: string | null;
  readonly ipPrefix: string | null;
  /** How long the session lasts unless it is refreshed. */
  readonly idleMs: number;
  /** How long it lasts at the most. */
  readonly absoluteMs: number;
  /** The cap of live sessions; opening one more ends the oldest. */
  readonly maxSessions: number;
}

/** What a refresh token is made of; the object stores no token. */
export interface RefreshState {
  readonly sessionId: string;
  /** How often the session's refresh token has been replaced. */
  readonly counter: number;
  /** 128 random bits, base64url; another one makes every earlier refresh token worthless. */
  readonly salt: string;
  /** By the object's clock. */
  readonly idleExpiresInMs: number;
}

export type OpenAnswer =
  | ({ readonly kind: "opened" } & RefreshState)
  /** The account has changed since the caller looked at it. */
  | { readonly kind: "stale" };

export interface RefreshRequest {
  readonly sessionId: string;
  readonly counter: number;
  readonly salt: string;
  readonly idleMs: number;
  /** How long the previous token gives the same successor again: always, and while the successor is unused. */
  readonly graceMs: number;
  readonly unusedGraceMs: number;
}

export type RefreshAnswer =
  | ({ readonly kind: "refreshed"; readonly role: SessionRole; readonly status: SessionStatus } & RefreshState)
  /** An older token than the grace allows: somebody else has it, and the session has just ended. */
  | { readonly kind: "reused" }
  | { readonly kind: "unknown" };

export interface AdvanceRequest {
  readonly standing: Standing;
  /**
   * `end`: sessions opened before the standing's epoch end, but for `keep`. `restrict`: they go on with the new role for
   * `restrictedMs` at the most and can't be refreshed.
   */
  readonly effect: "end" | "restrict";
  readonly keep: string | null;
  readonly restrictedMs: number;
}

export interface SessionSummary {
  readonly id: string;
  readonly userAgent: string | null;
  readonly ipPrefix: string | null;
  /** Epoch ms by the object's clock. */
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

/** One user's sessions; the object is named by the user's id. */
export interface UserSessionsApi {
  open(request: OpenSessionRequest): Promise<OpenAnswer>;
  /**
   * What a live session may do now; null when it has ended or never was. `counter` is the one its access token was
   * issued under: seeing it proves that the refresh which made it arrived.
   */
  check(sessionId: string, counter: number): Promise<Pick<Standing, "role" | "status"> | null>;
  refresh(request: RefreshRequest): Promise<RefreshAnswer>;
  /** Live sessions, the newest first. */
  list(): Promise<SessionSummary[]>;
  /** Ends a session. @returns whether there was one. */
  end(sessionId: string): Promise<boolean>;
  /** Applies a change of the account; idempotent, and harmless when a later one was applied before. */
  advance(request: AdvanceRequest): Promise<void>;
}
