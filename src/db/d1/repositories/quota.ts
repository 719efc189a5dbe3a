import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { QuotaRepository } from "../../../modules/plans/repository.ts";
import { type Database, insertWhere, type Value } from "../atomic.ts";
import { plans, quotaGrants, quotaLedger, users } from "../schema/index.ts";
import { isActiveAdmin } from "./account-change.ts";
import { auditInsert } from "./audit.ts";

/** Units of a period that are used or reserved, as a scalar subquery. */
export function periodUnitsTaken(db: Database, userId: Value<string>, period: Value<string>) {
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

/** Units admins gave the user for a period, as a scalar. */
function periodUnitsGranted(userId: Value<string>, period: Value<string>): SQL<number> {
  return sql`(SELECT coalesce(sum(${quotaGrants.units}), 0) FROM ${quotaGrants} WHERE ${quotaGrants.userId} = ${userId} AND ${quotaGrants.period} = ${period})`;
}

/**
 * Units of a period: the plan's (`fallback` where it leaves them to the configuration) and those granted. None for a
 * deleted account: a request that was under way at the deletion must not start anything.
 */
export function periodLimit(userId: Value<string>, period: Value<string>, fallback: Value<number>): SQL {
  const planned = sql`coalesce((SELECT ${plans.monthlyConversions} FROM ${plans} JOIN ${users} ON ${users.planId} = ${plans.id} WHERE ${users.id} = ${userId}), ${fallback})`;
  const isDeleted = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${userId} AND ${users.status} = 'deleted')`;
  return sql`(CASE WHEN ${isDeleted} THEN 0 ELSE ${planned} + ${periodUnitsGranted(userId, period)} END)`;
}

export function createD1QuotaRepository(db: Database): QuotaRepository {
  return {
    async usage(userId, period) {
      const [[plan], states] = await db.batch([
        db
          .select({
            id: plans.id,
            monthlyUnits: plans.monthlyConversions,
            granted: periodUnitsGranted(userId, period),
          })
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
        granted: plan.granted,
        used: unitsIn("committed"),
        reserved: unitsIn("reserved"),
      };
    },

    async grant({ id, userId, period, units, reason, createdAt, adminId, event }) {
      const row = { id, userId, period, units, reason, grantedBy: adminId, createdAt };
      const isLive = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${userId} AND ${users.status} <> 'deleted')`;
      const [insertion] = await db.batch([
        insertWhere(db, quotaGrants, row, sql`${isLive} AND ${isActiveAdmin(adminId)}`),
        auditInsert(db, event, sql`EXISTS (SELECT 1 FROM ${quotaGrants} WHERE ${quotaGrants.id} = ${id})`),
      ]);
      return insertion.meta.changes === 1;
    },
  };
}
