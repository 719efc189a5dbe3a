import type { AuditEvent } from "../../kernel/audit.ts";

export interface PeriodUsage {
  readonly planId: string;
  /** Units a calendar month; null where the plan leaves it to the configuration. */
  readonly monthlyUnits: number | null;
  /** Units admins gave on top of the plan. */
  readonly granted: number;
  readonly used: number;
  readonly reserved: number;
}

/** Units an admin gives a user for one period. */
export interface QuotaGrant {
  readonly id: string;
  /** `YYYY-MM`. */
  readonly period: string;
  readonly units: number;
  readonly reason: string | null;
  readonly createdAt: number;
}

/** The quota; units are taken and settled by the conversions that need them, in their own transactions. */
export interface QuotaRepository {
  /** One period's (`YYYY-MM`) usage from a single snapshot, or null when there is no such user. */
  usage(userId: string, period: string): Promise<PeriodUsage | null>;
  /** @returns false when there is no such user, or `adminId` is no active admin; then nothing was written. */
  grant(
    grant: QuotaGrant & { readonly userId: string; readonly adminId: string; readonly event: AuditEvent },
  ): Promise<boolean>;
}
