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

type UsageDeps = Pick<PlansDeps, "quota" | "clock" | "config">;

/** What a user has used of this month's conversions; null when there is no such user. */
export async function getUsageOf(deps: UsageDeps, userId: string): Promise<Usage | null> {
  const now = deps.clock.now();
  const period = monthOf(now);
  const usage = await deps.quota.usage(userId, period);
  if (usage === null) return null;
  const limit = (usage.monthlyUnits ?? deps.config.conversions.freeMonthlyUnits) + usage.granted;
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

/** What the caller has used of this month's conversions. */
export async function getUsage(deps: UsageDeps, actor: Actor): Promise<Usage> {
  const usage = await getUsageOf(deps, actor.userId);
  if (usage === null) throw new AppError("unauthenticated");
  return usage;
}
