import { and, asc, desc, eq, gte, lte, type SQL, sql } from "drizzle-orm";
import { dayOf } from "../../../kernel/clock.ts";
import type { ProviderCallRepository } from "../../../modules/conversions/provider-calls.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { providerCalls, providerSpend } from "../schema/index.ts";
import { growth, increment } from "./business-counters.ts";

/** What calls of all providers have cost on a day, and what they may still cost, as a scalar. */
function spentOn(day: string): SQL {
  return sql`(SELECT coalesce(sum(${providerSpend.costMicros}), 0) FROM ${providerSpend} WHERE ${providerSpend.day} = ${day})`;
}

/** Why there is no room for a call: told after the fact, so that room may have come back already. */
async function refusal(db: Database, day: string, expectedMicros: number, budgetMicros: number) {
  const [row] = await db
    .select({ certain: sql<number>`coalesce(sum(${providerSpend.costMicros} - ${providerSpend.reservedMicros}), 0)` })
    .from(providerSpend)
    .where(eq(providerSpend.day, day));
  return (row?.certain ?? 0) + expectedMicros > budgetMicros ? "spent" : "full";
}

export function createD1ProviderCalls(db: Database): ProviderCallRepository {
  return {
    async begin({ expectedMicros, budgetMicros, startedAt, ...call }) {
      const day = dayOf(startedAt);
      const row = { ...call, day, outcome: "pending" as const, costMicros: expectedMicros, startedAt };
      const fits =
        budgetMicros === null || expectedMicros === 0
          ? sql`1`
          : sql`${spentOn(day)} + ${expectedMicros} <= ${budgetMicros}`;
      const begun = sql`EXISTS (SELECT 1 FROM ${providerCalls} WHERE ${providerCalls.id} = ${call.id})`;
      const { provider, model } = call;
      const none = { succeeded: 0, failed: 0, promptTokens: 0, outputTokens: 0, durationMs: 0 };
      const sums = {
        day,
        provider,
        model,
        ...none,
        calls: 1,
        costMicros: expectedMicros,
        reservedMicros: expectedMicros,
      };
      const [inserted] = await db.batch([
        insertWhere(db, providerCalls, row, fits),
        insertWhere(db, providerSpend, sums, begun).onConflictDoUpdate({
          target: [providerSpend.day, providerSpend.provider, providerSpend.model],
          set: {
            calls: sql`${providerSpend.calls} + 1`,
            costMicros: sql`${providerSpend.costMicros} + excluded.cost_micros`,
            reservedMicros: sql`${providerSpend.reservedMicros} + excluded.reserved_micros`,
          },
        }),
      ]);
      if (inserted.meta.changes === 1) return "begun";
      return refusal(db, day, expectedMicros, budgetMicros ?? 0);
    },

    async settle(id, { outcome, usage, free, endedAt }) {
      const pending = sql`${providerCalls.id} = ${id} AND ${providerCalls.outcome} = 'pending'`;
      const cost = free ? sql`0` : usage ? sql`${usage.costMicros}` : sql`${providerCalls.costMicros}`;
      const of = (value: SQL) => sql`(SELECT ${value} FROM ${providerCalls} WHERE ${pending})`;
      const succeeded = outcome === "success" ? 1 : 0;
      const labels = { provider: providerCalls.provider, model: providerCalls.model, outcome };
      const ended = sql`FROM ${providerCalls} WHERE ${pending}`;
      // Sums and counter first, while the row still shows that it is pending.
      await db.batch([
        db
          .update(providerSpend)
          .set({
            succeeded: sql`${providerSpend.succeeded} + ${succeeded}`,
            failed: sql`${providerSpend.failed} + ${1 - succeeded}`,
            promptTokens: sql`${providerSpend.promptTokens} + ${usage?.promptTokens ?? 0}`,
            outputTokens: sql`${providerSpend.outputTokens} + ${usage?.outputTokens ?? 0}`,
            costMicros: sql`${providerSpend.costMicros} + ${of(sql`${cost} - ${providerCalls.costMicros}`)}`,
            reservedMicros: sql`${providerSpend.reservedMicros} - ${of(sql`${providerCalls.costMicros}`)}`,
            durationMs: sql`${providerSpend.durationMs} + ${of(sql`max(0, ${endedAt} - ${providerCalls.startedAt})`)}`,
          })
          .where(
            and(
              eq(providerSpend.day, of(sql`${providerCalls.day}`)),
              eq(providerSpend.provider, of(sql`${providerCalls.provider}`)),
              eq(providerSpend.model, of(sql`${providerCalls.model}`)),
            ),
          ),
        increment(db, [growth("provider_calls_total", labels, 1, ended)]),
        db
          .update(providerCalls)
          .set({
            outcome,
            promptTokens: usage?.promptTokens ?? null,
            outputTokens: usage?.outputTokens ?? null,
            costMicros: cost,
            endedAt,
          })
          .where(pending),
      ]);
    },

    listPending: (before, limit) =>
      db
        .select({ id: providerCalls.id, startedAt: providerCalls.startedAt })
        .from(providerCalls)
        .where(sql`${providerCalls.outcome} = 'pending' AND ${providerCalls.startedAt} < ${before}`)
        .orderBy(asc(providerCalls.startedAt))
        .limit(limit),

    ofConversion: (conversionId) =>
      db
        .select()
        .from(providerCalls)
        .where(eq(providerCalls.conversionId, conversionId))
        .orderBy(asc(providerCalls.id)),

    spend: ({ fromDay, toDay }, limit) =>
      db
        .select()
        .from(providerSpend)
        .where(and(gte(providerSpend.day, fromDay), lte(providerSpend.day, toDay)))
        .orderBy(desc(providerSpend.day))
        .limit(limit),
  };
}
