import { and, asc, desc, eq, gte, lte, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { dayOf } from "../../../kernel/clock.ts";
import type { ProviderCallRepository } from "../../../modules/conversions/provider-calls.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { preparedStatements } from "../prepared.ts";
import { providerCalls, providerSpend } from "../schema/index.ts";
import { growth, increment } from "./business-counters.ts";

/** What calls of all providers have cost on a day, and what they may still cost, as a scalar. */
function spentOn(day: SQLWrapper): SQL {
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

const CALL = ["id", "conversionId", "attempt", "provider", "model", "startedAt"] as const;
const BEGIN = [...CALL, "day", "expectedMicros", "budgetMicros"] as const;
type BeginValues = { [K in (typeof BEGIN)[number]]: string | number | null };

const beginning = preparedStatements<BeginValues>(BEGIN, ["budgetMicros"], (db, v, given) => {
  const { expectedMicros, budgetMicros, ...call } = v;
  const row = { ...call, outcome: "pending" as const, costMicros: expectedMicros };
  const fits = given.has("budgetMicros") ? sql`${spentOn(v.day)} + ${expectedMicros} <= ${budgetMicros}` : sql`1`;
  const begun = sql`EXISTS (SELECT 1 FROM ${providerCalls} WHERE ${providerCalls.id} = ${v.id})`;
  const { day, provider, model } = v;
  const none = { succeeded: 0, failed: 0, promptTokens: 0, outputTokens: 0, durationMs: 0 };
  const sums = { day, provider, model, ...none, calls: 1, costMicros: expectedMicros, reservedMicros: expectedMicros };
  return [
    insertWhere(db, providerCalls, row, fits),
    insertWhere(db, providerSpend, sums, begun).onConflictDoUpdate({
      target: [providerSpend.day, providerSpend.provider, providerSpend.model],
      set: {
        calls: sql`${providerSpend.calls} + 1`,
        costMicros: sql`${providerSpend.costMicros} + excluded.cost_micros`,
        reservedMicros: sql`${providerSpend.reservedMicros} + excluded.reserved_micros`,
      },
    }),
  ];
});

const END = ["id", "outcome", "succeeded", "failed", "promptTokens", "outputTokens", "costMicros", "endedAt"] as const;
type EndValues = { [K in (typeof END)[number]]: string | number | null };

/** Without a cost the expected one stays. Sums and counter first, while the row still shows that it is pending. */
const settling = preparedStatements<EndValues>(END, ["costMicros"], (db, v, given) => {
  const pending = sql`${providerCalls.id} = ${v.id} AND ${providerCalls.outcome} = 'pending'`;
  const cost = given.has("costMicros") ? sql`${v.costMicros}` : sql`${providerCalls.costMicros}`;
  const of = (value: SQL) => sql`(SELECT ${value} FROM ${providerCalls} WHERE ${pending})`;
  const labels = { provider: providerCalls.provider, model: providerCalls.model, outcome: v.outcome };
  const ended = sql`FROM ${providerCalls} WHERE ${pending}`;
  const { promptTokens, outputTokens, endedAt } = v;
  return [
    db
      .update(providerSpend)
      .set({
        succeeded: sql`${providerSpend.succeeded} + ${v.succeeded}`,
        failed: sql`${providerSpend.failed} + ${v.failed}`,
        promptTokens: sql`${providerSpend.promptTokens} + coalesce(${promptTokens}, 0)`,
        outputTokens: sql`${providerSpend.outputTokens} + coalesce(${outputTokens}, 0)`,
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
        outcome: sql`${v.outcome}`,
        promptTokens: sql`${promptTokens}`,
        outputTokens: sql`${outputTokens}`,
        costMicros: cost,
        endedAt: sql`${endedAt}`,
      })
      .where(pending),
  ];
});

export function createD1ProviderCalls(db: Database): ProviderCallRepository {
  return {
    async begin({ expectedMicros, budgetMicros, startedAt, ...call }) {
      const day = dayOf(startedAt);
      // What costs nothing fits even where the budget is spent.
      const limit = expectedMicros === 0 ? null : budgetMicros;
      const values = { ...call, startedAt, day, expectedMicros, budgetMicros: limit };
      const [inserted] = await db.$client.batch(beginning(db, values));
      if (inserted?.meta.changes === 1) return "begun";
      return refusal(db, day, expectedMicros, budgetMicros ?? 0);
    },

    async settle(id, { outcome, usage, free, endedAt }) {
      const succeeded = outcome === "success" ? 1 : 0;
      const promptTokens = usage?.promptTokens ?? null;
      const outputTokens = usage?.outputTokens ?? null;
      const costMicros = free ? 0 : (usage?.costMicros ?? null);
      const values = { id, outcome, succeeded, failed: 1 - succeeded, promptTokens, outputTokens, costMicros, endedAt };
      await db.$client.batch(settling(db, values));
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
