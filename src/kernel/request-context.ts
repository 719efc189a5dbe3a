export const USER_ROLES = ["user", "vendor", "admin"] as const;
export type UserRole = (typeof USER_ROLES)[number];

export const USER_STATUSES = ["active", "pending", "disabled", "deleted"] as const;
/**
 * `pending` is a vendor nobody has approved yet; the person may sign in and use the account as a user. Of a `deleted`
 * account only an empty row is left, until everything that was the account's is erased.
 */
export type UserStatus = (typeof USER_STATUSES)[number];

/** What a user may act as: a vendor who is not approved is a user. */
export function effectiveRole(standing: { readonly role: UserRole; readonly status: UserStatus }): UserRole {
  return standing.status === "pending" ? "user" : standing.role;
}

/** Who is asking, as the session object vouched for it on this very request. */
export interface Actor {
  readonly userId: string;
  readonly sessionId: string;
  readonly role: UserRole;
}
