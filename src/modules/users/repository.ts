import type { AuditEvent } from "../../kernel/audit.ts";
import type { Page, PageRequest } from "../../kernel/page.ts";
import type { UserRole, UserStatus } from "../../kernel/request-context.ts";
import type { SessionChange } from "../../ports/session-store.ts";
import type { User } from "./user.ts";

/** A user with the stored hash, for the verbs that check passwords and for nobody else. */
export interface Credentials {
  readonly user: User;
  readonly passwordHash: string;
}

export type NewUser = Omit<User, "updatedAt"> & { readonly passwordHash: string };

/** Fields left out stay, `null` clears. */
export interface ProfileFields {
  readonly name?: string | null;
  readonly bio?: string | null;
  readonly locale?: string | null;
}

export type RegisterOutcome =
  | { readonly kind: "registered"; readonly user: User }
  | { readonly kind: "token_refused" }
  | { readonly kind: "phone_taken" };

/** A change that sessions must learn of; see {@link SessionChange}. */
export interface AccountChange {
  readonly userId: string;
  /** What changes; nothing but the epoch when it is empty. */
  readonly set: { readonly role?: UserRole; readonly status?: UserStatus; readonly passwordHash?: string };
  /** What must still hold, in the very statement that changes it. */
  readonly expect?: {
    readonly status?: readonly UserStatus[];
    readonly passwordHash?: string;
    /** Who makes the change: an active admin. */
    readonly adminId?: string;
  };
  readonly effect: SessionChange["effect"];
  readonly keep: string | null;
  readonly event: AuditEvent;
  /** The outbox row that stands for telling the sessions; its writer does so at once and settles it. */
  readonly promiseId: string;
  readonly now: number;
}

export interface UserFilter {
  /** E.164. */
  readonly phone?: string;
  readonly role?: UserRole;
  readonly status?: UserStatus;
}

/** User accounts. Each write is one atomic statement or batch with its guard inside, its audit event included. */
export interface UserRepository {
  find(id: string): Promise<User | null>;
  findCredentials(phone: string): Promise<Credentials | null>;
  /** As {@link findCredentials}, by id. */
  findCredentialsOf(id: string): Promise<Credentials | null>;
  isRegistered(phone: string): Promise<boolean>;
  /** Live accounts, the newest first. */
  list(filter: UserFilter, page: PageRequest): Promise<Page<User>>;
  /**
   * Uses up the verification token (of purpose `register`, for the user's phone) and creates the user, or does neither:
   * of racing callers with one token or one phone exactly one gets the account.
   */
  register(user: NewUser, tokenHash: string, event: AuditEvent): Promise<RegisterOutcome>;
  /** @returns the user as changed, or null when there is none, or, where it is `expected` to be so, it isn't any more. */
  updateProfile(id: string, fields: ProfileFields, event: AuditEvent, expected: User | null): Promise<User | null>;
  /** Compare-and-set: a password that was changed meanwhile stays. @returns whether it was replaced. */
  replacePasswordHash(id: string, from: string, to: string): Promise<boolean>;
  /** Makes the change and raises the epoch. @returns what sessions must learn, or null when nothing was changed. */
  changeAccount(change: AccountChange): Promise<SessionChange | null>;
  /** {@link changeAccount} for the owner of a token of purpose `password_reset`, which is used up with it. */
  resetPassword(
    tokenHash: string,
    change: Omit<AccountChange, "userId" | "set" | "expect"> & { readonly passwordHash: string },
  ): Promise<SessionChange | null>;
  /** Promises to end one session, and records it. */
  promiseSessionEnd(promise: {
    readonly id: string;
    readonly userId: string;
    readonly sessionId: string;
    readonly event: AuditEvent;
    readonly now: number;
  }): Promise<void>;
  /**
   * Leaves an empty row of the account: the phone is free, pictures and conversions are gone for every reader, running
   * jobs are canceled, and what is left is promised to be erased. @returns what sessions must learn, null when it was
   * deleted before.
   */
  deleteAccount(deletion: {
    readonly userId: string;
    readonly event: AuditEvent;
    readonly sessionsPromiseId: string;
    readonly erasePromiseId: string;
    /** What the log called the account's phone before it had the account. */
    readonly aliases: readonly string[];
    readonly now: number;
  }): Promise<SessionChange | null>;
}

/** Rows of a deleted account and the keys of their objects. */
export interface AccountData {
  readonly conversionIds: readonly string[];
  readonly imageIds: readonly string[];
  readonly objectKeys: readonly string[];
}

/** Erases what a deleted account has left, bit by bit: objects go before the rows that name them. */
export interface AccountErasure {
  /** When the account was deleted, epoch ms; null when nothing is left of it. */
  deletedAt(userId: string): Promise<number | null>;
  /** At most `limit` conversions or images; empty when there are none. */
  next(userId: string, limit: number): Promise<AccountData>;
  eraseRows(userId: string, data: AccountData): Promise<void>;
  /**
   * Takes the person out of the audit log and of the grants he gave, at most `limit` rows a statement: every event
   * stays, under a pseudonym and without what is personal. Events under an alias up to `until` lose what is personal
   * and keep their name: the phone's next owner may have more of them.
   *
   * The promise `promiseId` keeps the pseudonym, so that all calls, of several runs at once too, go on with the same; a
   * new one is given with each call and taken by the first. A chain goes from its beginning: what is linked meanwhile
   * follows its end, which is still there. Unlinked events go when no chain is left, and are linked behind it. Only a
   * chain that then begins anew under the user's id, of what came late, takes another pseudonym.
   * @returns how much it changed: when nothing, nothing was left.
   */
  anonymizeAudit(
    userId: string,
    names: {
      readonly promiseId: string;
      readonly pseudonym: string;
      readonly aliases: readonly string[];
      readonly until: number;
    },
    limit: number,
  ): Promise<number>;
  /** Removes the empty row itself. Nothing can be written for the account from then on. */
  eraseAccount(userId: string): Promise<void>;
}
