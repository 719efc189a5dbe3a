import type { UserRole } from "../../kernel/request-context.ts";

export const USER_STATUSES = ["active", "pending", "disabled"] as const;
/** `pending` is a vendor nobody has approved yet; the person may sign in and use the account as a user. */
export type UserStatus = (typeof USER_STATUSES)[number];

export interface User {
  readonly id: string;
  /** E.164. */
  readonly phone: string;
  readonly name: string | null;
  readonly bio: string | null;
  readonly locale: string | null;
  readonly role: UserRole;
  readonly status: UserStatus;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
}
