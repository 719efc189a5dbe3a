import { and, asc, eq, lte, type SQL, sql } from "drizzle-orm";
import { dayOf } from "../../../kernel/clock.ts";
import { type DatabaseCounter, METRICS } from "../../../kernel/metric-registry.ts";
import type {
  BusinessMetrics,
  BusinessReading,
  CounterReading,
} from "../../../modules/observability/business-metrics.ts";
import type { Database } from "../atomic.ts";
import { businessCounters, conversions, outbox, providerSpend } from "../schema/index.ts";
import { isActive } from "./conversion-reads.ts";

const MAX_OUTBOX_COUNT = 1_000;

/** From the index that holds nothing but active conversions. */
function activeCounts(db: Database) {
  // A batch's rows come by column name: without an alias, both would have the same one.
  const total = (status: "queued" | "processing") =>
    sql<number>`coalesce(sum(${eq(conversions.status, status)}), 0)`.as(status);
  return db
    .select({ queued: total("queued"), processing: total("processing") })
    .from(conversions)
    .where(isActive);
}

/** As wrangler keeps it: a row for each file, in the order they were applied. */
function latestMigration(db: Database) {
  return db.select({ name: sql<string>`name` }).from(sql`d1_migrations`).orderBy(sql`id DESC`).limit(1);
}

function queries(db: Database, now: number) {
  const { provider, model, day, costMicros, reservedMicros, promptTokens, outputTokens } = providerSpend;
  const total = (value: SQL) => sql<number>`coalesce(sum(${value}), 0)`;
  return [
    db.select().from(businessCounters),
    db
      .select({
        provider,
        model,
        costMicros: total(sql`${costMicros} - ${reservedMicros}`),
        promptTokens: total(sql`${promptTokens}`),
        outputTokens: total(sql`${outputTokens}`),
      })
      .from(providerSpend)
      .groupBy(provider, model),
    db
      .select({ micros: total(sql`${costMicros}`) })
      .from(providerSpend)
      .where(eq(day, dayOf(now))),
    activeCounts(db),
    db
      .select({ wakeAt: conversions.wakeAt })
      .from(conversions)
      .where(and(isActive, lte(conversions.wakeAt, now)))
      .orderBy(asc(conversions.wakeAt))
      .limit(1),
    db
      .select({ n: sql<number>`count(*)` })
      .from(sql`(SELECT 1 FROM ${outbox} WHERE ${outbox.dueAt} <= ${now} LIMIT ${MAX_OUTBOX_COUNT})`),
  ] as const;
}

/** Null for what another version of this software counted. */
function toReading({ name, labels, value }: typeof businessCounters.$inferSelect): CounterReading | null {
  if (!Object.hasOwn(METRICS, name)) return null;
  const known = name as DatabaseCounter;
  const values = JSON.parse(labels) as string[];
  const { source, labels: expected } = METRICS[known];
  return source === "database" && values.length === expected.length ? { name: known, values, value } : null;
}

function isMissingTable(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.message.includes("no such table: d1_migrations")) return true;
  }
  return false;
}

/** {@link BusinessMetrics} on D1: one batch, which is one moment. */
export function createD1BusinessMetrics(db: Database): BusinessMetrics {
  return {
    async latestMigration() {
      const rows = await latestMigration(db).catch((error: unknown) => {
        if (!isMissingTable(error)) throw error;
        return [];
      });
      return rows[0]?.name ?? null;
    },

    async read(now): Promise<BusinessReading> {
      const [counters, models, [spent], [active], [oldest], [due]] = await db.batch(queries(db, now));
      return {
        counters: counters.map(toReading).filter((reading) => reading !== null),
        models,
        spentTodayMicros: spent?.micros ?? 0,
        active: active ?? { queued: 0, processing: 0 },
        lagMs: oldest === undefined ? 0 : Math.max(0, now - oldest.wakeAt),
        outboxDue: due?.n ?? 0,
      };
    },
  };
}
