import { invalidField } from "../../../kernel/app-error.ts";
import { dayOf } from "../../../kernel/clock.ts";
import type { ProviderSpend } from "../../conversions/index.ts";
import type { AdminDeps } from "../deps.ts";

const DAY_MS = 24 * 60 * 60_000;
const USUAL_DAYS = 30;
const MAX_DAYS = 92;
/** More models than this a day nobody has. */
const MAX_ROWS = MAX_DAYS * 100;

export interface CostReport {
  readonly spend: readonly ProviderSpend[];
  readonly dailyMicros: number | null;
  readonly spentTodayMicros: number;
}

/** What the calls of providers cost, by UTC day (`YYYY-MM-DD`) and model. @throws {AppError} 422 for odd ranges. */
export async function listCosts(
  deps: Pick<AdminDeps, "calls" | "clock" | "config">,
  range: { readonly from: string | undefined; readonly to: string | undefined },
): Promise<CostReport> {
  const today = dayOf(deps.clock.now());
  const toDay = range.to ?? today;
  const fromDay = range.from ?? dayOf(Date.parse(toDay) - (USUAL_DAYS - 1) * DAY_MS);
  const days = (Date.parse(toDay) - Date.parse(fromDay)) / DAY_MS + 1;
  if (days < 1) throw invalidField("to", "before_from", "The range ends before it begins.");
  if (days > MAX_DAYS) throw invalidField("from", "range_too_long", `At most ${MAX_DAYS} days.`);
  const [spend, spentToday] = await Promise.all([
    deps.calls.spend({ fromDay, toDay }, MAX_ROWS),
    deps.calls.spend({ fromDay: today, toDay: today }, MAX_ROWS),
  ]);
  return {
    spend,
    dailyMicros: deps.config.providers.dailyBudgetMicros,
    spentTodayMicros: spentToday.reduce((sum, { costMicros }) => sum + costMicros, 0),
  };
}
