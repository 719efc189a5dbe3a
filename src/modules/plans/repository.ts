export interface PeriodUsage {
  readonly planId: string;
  /** Units a calendar month; null where the plan leaves it to the configuration. */
  readonly monthlyUnits: number | null;
  readonly used: number;
  readonly reserved: number;
}

/** Reads the quota ledger; units are taken and settled by the conversions that need them, in their own transactions. */
export interface QuotaRepository {
  /** One period's (`YYYY-MM`) usage from a single snapshot, or null when there is no such user. */
  usage(userId: string, period: string): Promise<PeriodUsage | null>;
}
