import { sql } from "drizzle-orm";
import { check, index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Origin } from "../../../kernel/trace-context.ts";
import { CONVERSION_KINDS, CONVERSION_STAGES, CONVERSION_STATUSES } from "../../../modules/conversions/conversion.ts";
import { FAILURE_CODES } from "../../../modules/conversions/failures.ts";
import { IMAGE_MIMES } from "../../../ports/image-codec.ts";
import { GARMENT_CATEGORIES, GENERATION_FAILURES, PROVIDER_IDS } from "../../../ports/image-generator.ts";
import { OUTBOX_TOPICS } from "../../../ports/outbox.ts";
import { images } from "./images.ts";
import { users } from "./users.ts";

export const conversions = sqliteTable(
  "conversions",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    kind: text("kind", { enum: CONVERSION_KINDS }).notNull(),
    status: text("status", { enum: CONVERSION_STATUSES }).notNull(),
    stage: text("stage", { enum: CONVERSION_STAGES }),
    progress: integer("progress").notNull(),
    personImageId: text("person_image_id")
      .notNull()
      .references(() => images.id),
    garmentImageId: text("garment_image_id").references(() => images.id),
    styleImageId: text("style_image_id").references(() => images.id),
    stylePreset: text("style_preset"),
    category: text("category", { enum: GARMENT_CATEGORIES }),
    prompt: text("prompt"),
    seed: integer("seed").notNull(),
    outputFormat: text("output_format", { enum: IMAGE_MIMES }).notNull(),
    providerRequested: text("provider_requested", { enum: PROVIDER_IDS }),
    providerUsed: text("provider_used", { enum: PROVIDER_IDS }),
    fallback: text("fallback", { enum: ["deny", "allow"] }).notNull(),
    model: text("model"),
    degraded: integer("degraded", { mode: "boolean" }).notNull(),
    attempt: integer("attempt").notNull(),
    /** Fence: who holds the job now. Every write of a worker is conditional on it. */
    lease: text("lease"),
    leaseUntil: integer("lease_until"),
    notBefore: integer("not_before").notNull(),
    /** When the row next needs looking at: its message is due, or its lease runs out. The sweeper sends a spare message. */
    wakeAt: integer("wake_at").notNull(),
    resultImageId: text("result_image_id").references(() => images.id),
    errorCode: text("error_code", { enum: FAILURE_CODES }),
    /** Why the latest attempt failed, where another one follows. */
    lastFailure: text("last_failure", { enum: GENERATION_FAILURES }),
    /** The result was there and has been removed: retention, or its image was deleted. */
    dataRemoved: integer("data_removed", { mode: "boolean" }).notNull().default(false),
    title: text("title"),
    metadata: text("metadata", { mode: "json" }).$type<Record<string, string>>().notNull(),
    favorite: integer("favorite", { mode: "boolean" }).notNull(),
    retryOf: text("retry_of"),
    /** The request that asked for it, and the trace it belongs to. */
    origin: text("origin", { mode: "json" }).$type<Origin>(),
    version: integer("version").notNull(),
    /** The write that produced this version; later statements of the same batch are conditional on it. */
    writeId: text("write_id").notNull(),
    createdAt: integer("created_at").notNull(),
    startedAt: integer("started_at"),
    completedAt: integer("completed_at"),
    deadlineAt: integer("deadline_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    deletedAt: integer("deleted_at"),
  },
  (t) => [
    index("conversions_user").on(t.userId, t.id).where(sql`${t.deletedAt} IS NULL`),
    // Whole: erasing an account finds deleted rows by it, and so does the foreign key.
    index("conversions_owner").on(t.userId),
    index("conversions_user_status").on(t.userId, t.status, t.id).where(sql`${t.deletedAt} IS NULL`),
    index("conversions_user_kind").on(t.userId, t.kind, t.id).where(sql`${t.deletedAt} IS NULL`),
    // Who waits, in the order they came: for places in the queue.
    index("conversions_queued").on(t.id).where(sql`${t.status} = 'queued'`),
    index("conversions_active").on(t.wakeAt).where(sql`${t.status} IN ('queued', 'processing')`),
    // For the foreign keys: without these, each image that goes is looked for in the whole table.
    index("conversions_person_image").on(t.personImageId),
    index("conversions_garment_image").on(t.garmentImageId).where(sql`${t.garmentImageId} IS NOT NULL`),
    index("conversions_style_image").on(t.styleImageId).where(sql`${t.styleImageId} IS NOT NULL`),
    index("conversions_result_image").on(t.resultImageId).where(sql`${t.resultImageId} IS NOT NULL`),
    check("conversions_lease", sql`(${t.status} = 'processing') = (${t.lease} IS NOT NULL)`),
  ],
);

/** Append-only: every transition and progress step, with its time and cause. */
export const conversionEvents = sqliteTable(
  "conversion_events",
  {
    conversionId: text("conversion_id").notNull(),
    version: integer("version").notNull(),
    type: text("type").notNull(),
    status: text("status", { enum: CONVERSION_STATUSES }).notNull(),
    stage: text("stage"),
    progress: integer("progress").notNull(),
    cause: text("cause").notNull(),
    at: integer("at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.conversionId, t.version] })],
);

/** One row a conversion: the unit it took, from which period and bucket, and what became of it. */
export const quotaLedger = sqliteTable(
  "quota_ledger",
  {
    conversionId: text("conversion_id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    period: text("period").notNull(),
    bucket: text("bucket", { enum: ["plan"] }).notNull(),
    units: integer("units").notNull(),
    state: text("state", { enum: ["reserved", "committed", "released"] }).notNull(),
    reservedAt: integer("reserved_at").notNull(),
    settledAt: integer("settled_at"),
  },
  (t) => [index("quota_ledger_usage").on(t.userId, t.period, t.state, t.units)],
);

/** What an Idempotency-Key was answered with. `lockedUntil` in the future: the first request is still waiting. */
export const idempotencyRecords = sqliteTable(
  "idempotency_records",
  {
    userId: text("user_id").notNull(),
    operation: text("operation").notNull(),
    key: text("key").notNull(),
    fingerprint: text("fingerprint").notNull(),
    conversionId: text("conversion_id").notNull(),
    status: integer("status").notNull(),
    body: text("body").notNull(),
    lockedUntil: integer("locked_until").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.operation, t.key] }), index("idempotency_records_expiry").on(t.expiresAt)],
);

/** Work promised by a committed transaction (see the port). A row goes once it is done. */
export const outbox = sqliteTable(
  "outbox",
  {
    id: text("id").primaryKey(),
    topic: text("topic", { enum: OUTBOX_TOPICS }).notNull(),
    payload: text("payload", { mode: "json" }).$type<unknown>().notNull(),
    /** Left alone until then: the request that wrote the row does the work itself. */
    dueAt: integer("due_at").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [index("outbox_due").on(t.dueAt)],
);
