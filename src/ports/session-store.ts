import type { UserRole, UserStatus } from "../kernel/request-context.ts";

export interface SessionClient {
  readonly userAgent: string | null;
  /** Coarse: IPv4 /24 or IPv6 /48, never a whole address. */
  readonly ipPrefix: string | null;
}

/** What an account may do, as of `epoch`: the number of changes that have ended sessions. */
export interface AccountStanding {
  readonly role: UserRole;
  readonly status: UserStatus;
  readonly epoch: number;
}

export interface SessionTokens {
  readonly sessionId: string;
  /** Opaque; shown to the client once. */
  readonly refreshToken: string;
  /** Seconds until the session ends unless it is refreshed. */
  readonly refreshExpiresIn: number;
  /** How often the session's tokens have been renewed; the access token carries it. */
  readonly generation: number;
}

export interface RefreshedSession extends SessionTokens {
  readonly userId: string;
  readonly role: UserRole;
  readonly status: UserStatus;
}

export type RefreshOutcome =
  | ({ readonly kind: "refreshed" } & RefreshedSession)
  /** The token had been replaced before: its session has just ended. */
  | { readonly kind: "reused"; readonly userId: string; readonly sessionId: string }
  | { readonly kind: "refused" };

export interface SessionInfo {
  readonly id: string;
  readonly userAgent: string | null;
  readonly ipPrefix: string | null;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

/** A change of an account, as its sessions must learn of it. */
export interface SessionChange {
  readonly userId: string;
  readonly standing: AccountStanding;
  /** What becomes of sessions opened before the change: they end, or go on without ever being refreshed again. */
  readonly effect: "end" | "restrict";
  /** One that stays as it is. */
  readonly keep: string | null;
}

/** Every user's sessions, in one place that answers with the truth at once. */
export interface SessionStore {
  /**
   * `proof` names what is good for one session (a token's hash): opening again with it gives the same one.
   * @returns null when the account has changed since `standing` was read.
   */
  open(
    userId: string,
    standing: AccountStanding,
    client: SessionClient,
    proof: string | null,
  ): Promise<SessionTokens | null>;
  /** What the session may do now, or null when it has ended or never was. `generation` is the access token's. */
  check(
    userId: string,
    sessionId: string,
    generation: number,
  ): Promise<{ readonly role: UserRole; readonly status: UserStatus } | null>;
  /** The session a genuine token names, without asking whether it still lives; null for any other token. */
  identify(refreshToken: string): Promise<{ readonly userId: string; readonly sessionId: string } | null>;
  /** Trades a refresh token for its successor; a token repeated within the grace gives the same one again. */
  refresh(refreshToken: string): Promise<RefreshOutcome>;
  /** Live sessions, the newest first. */
  list(userId: string): Promise<readonly SessionInfo[]>;
  /** @returns whether there was such a session. */
  end(userId: string, sessionId: string): Promise<boolean>;
  /** Idempotent; a change older than one applied before ends what it has to end and changes nothing else. */
  advance(change: SessionChange): Promise<void>;
}
