export const USER_ROLES = ["user", "vendor", "admin"] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** Who is asking, as the session object vouched for it on this very request. */
export interface Actor {
  readonly userId: string;
  readonly sessionId: string;
  readonly role: UserRole;
}
