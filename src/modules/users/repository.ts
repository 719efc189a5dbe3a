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

/** User accounts. Each write is one atomic statement or batch with its guard inside. */
export interface UserRepository {
  find(id: string): Promise<User | null>;
  findCredentials(phone: string): Promise<Credentials | null>;
  isRegistered(phone: string): Promise<boolean>;
  /**
   * Uses up the verification token (of purpose `register`, for the user's phone) and creates the user, or does neither:
   * of racing callers with one token or one phone exactly one gets the account.
   */
  register(user: NewUser, tokenHash: string): Promise<RegisterOutcome>;
  /** @returns the user as changed, or null when there is none. */
  updateProfile(id: string, fields: ProfileFields, now: number): Promise<User | null>;
  /** Compare-and-set: a password that was changed meanwhile stays. @returns whether it was replaced. */
  replacePasswordHash(id: string, from: string, to: string): Promise<boolean>;
}
