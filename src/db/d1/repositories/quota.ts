import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { QuotaRepository } from "../../../modules/plans/repository.ts";
import type { Database } from "../atomic.ts";
import { plans, quotaLedger, users } from "../schema/index.ts";

/** Units of a period that are used or reserved, as a scalar subquery. */
export function periodUnitsTaken(db: Database, userId: string, period: string) {
  return db
    .select({ value: sql<number>`coalesce(sum(${quotaLedger.units}), 0)` })
    .from(quotaLedger)
    .where(
      and(
        eq(quotaLedger.userId, userId),
        eq(quotaLedger.period, period),
        inArray(quotaLedger.state, ["reserved", "committed"]),
      ),
    );
}

/** Units the user's plan gives a period; `fallback` where the plan leaves it to the configuration. */
export function periodLimit(userId: string, fallback: number): SQL {
  return sql`coalesce((SELECT ${plans.monthlyConversions} FROM ${plans} JOIN ${users} ON ${users.planId} = ${plans.id} WHERE ${users.id} = ${userId}), ${fallback})`;
}

export function createD1QuotaRepository(db: Database): QuotaRepository {
  return {
    async usage(userId, period) {
      const [[plan], states] = await db.batch([
        db
          .select({ id: plans.id, monthlyUnits: plans.monthlyConversions })
          .from(users)
          .innerJoin(plans, eq(plans.id, users.planId))
          .where(eq(users.id, userId)),
        db
          .select({ state: quotaLedger.state, units: sql<number>`sum(${quotaLedger.units})` })
          .from(quotaLedger)
          .where(and(eq(quotaLedger.userId, userId), eq(quotaLedger.period, period)))
          .groupBy(quotaLedger.state),
      ]);
      if (!plan) return null;
      const unitsIn = (state: "reserved" | "committed") => states.find((row) => row.state === state)?.units ?? 0;
      return {
        planId: plan.id,
        monthlyUnits: plan.monthlyUnits,
        used: unitsIn("committed"),
        reserved: unitsIn("reserved"),
      };
    },
  };
}
