import type { UserRole, UserStatus } from "../../kernel/request-context.ts";

export interface User {
  readonly id: string;
  /** E.164. */
  readonly phone: string;
  readonly name: string | null;
  readonly bio: string | null;
  readonly locale: string | null;
  readonly role: UserRole;
  readonly status: UserStatus;
  /** Raised by every change that ends sessions. */
  readonly sessionEpoch: number;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
}
