import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { CONVERSION_KINDS } from "../../../modules/conversions/conversion.ts";
import { CALL_OUTCOMES } from "../../../modules/conversions/provider-calls.ts";
import { PROVIDER_IDS } from "../../../ports/image-generator.ts";

/** One row a call of a provider, written before the call is made. While `pending`, `cost_micros` is what is expected. */
export const providerCalls = sqliteTable(
  "provider_calls",
  {
    id: text("id").primaryKey(),
    conversionId: text("conversion_id").notNull(),
    /** UTC, `YYYY-MM-DD`, of the start. */
    day: text("day").notNull(),
    provider: text("provider", { enum: PROVIDER_IDS }).notNull(),
    model: text("model").notNull(),
    attempt: integer("attempt").notNull(),
    outcome: text("outcome", { enum: CALL_OUTCOMES }).notNull(),
    promptTokens: integer("prompt_tokens"),
    outputTokens: integer("output_tokens"),
    costMicros: integer("cost_micros").notNull(),
    startedAt: integer("started_at").notNull(),
    endedAt: integer("ended_at"),
  },
  (t) => [
    index("provider_calls_conversion").on(t.conversionId, t.id),
    // For housekeeping, and for those whose worker died.
    index("provider_calls_started").on(t.startedAt),
    index("provider_calls_pending").on(t.startedAt).where(sql`${t.outcome} = 'pending'`),
  ],
);

/** What the calls of a day come to, changed in the same batch as they are: the budget must not add up every call. */
export const providerSpend = sqliteTable(
  "provider_spend",
  {
    day: text("day").notNull(),
    provider: text("provider", { enum: PROVIDER_IDS }).notNull(),
    model: text("model").notNull(),
    calls: integer("calls").notNull(),
    succeeded: integer("succeeded").notNull(),
    failed: integer("failed").notNull(),
    promptTokens: integer("prompt_tokens").notNull(),
    outputTokens: integer("output_tokens").notNull(),
    costMicros: integer("cost_micros").notNull(),
    /** The part of the cost that is only expected yet. */
    reservedMicros: integer("reserved_micros").notNull(),
    /** Of the calls that have ended. */
    durationMs: integer("duration_ms").notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.provider, t.model] })],
);

/** How long the stages of recent conversions took: moving averages, for progress and estimates. */
export const stageTimings = sqliteTable(
  "stage_timings",
  {
    kind: text("kind", { enum: CONVERSION_KINDS }).notNull(),
    provider: text("provider", { enum: PROVIDER_IDS }).notNull(),
    fetchingMs: integer("fetching_ms").notNull(),
    generatingMs: integer("generating_ms").notNull(),
    encodingMs: integer("encoding_ms").notNull(),
    storingMs: integer("storing_ms").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.kind, t.provider] })],
);
