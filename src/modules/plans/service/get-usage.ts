import { AppError } from "../../../kernel/app-error.ts";
import { monthOf, nextMonthStart } from "../../../kernel/clock.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { PlansDeps } from "../deps.ts";

export interface Usage {
  readonly plan: string;
  /** UTC calendar month, `YYYY-MM`. */
  readonly period: string;
  readonly limit: number;
  readonly used: number;
  readonly reserved: number;
  readonly remaining: number;
  /** Epoch ms. */
  readonly resetsAt: number;
}

/** What the caller has used of this month's conversions. */
export async function getUsage(deps: Pick<PlansDeps, "quota" | "clock" | "config">, actor: Actor): Promise<Usage> {
  const now = deps.clock.now();
  const period = monthOf(now);
  const usage = await deps.quota.usage(actor.userId, period);
  if (!usage) throw new AppError("unauthenticated");
  const limit = usage.monthlyUnits ?? deps.config.conversions.freeMonthlyUnits;
  return {
    plan: usage.planId,
    period,
    limit,
    used: usage.used,
    reserved: usage.reserved,
    remaining: Math.max(0, limit - usage.used - usage.reserved),
    resetsAt: nextMonthStart(now),
  };
}
