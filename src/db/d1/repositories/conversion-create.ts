import { and, count, eq, gt, isNull, lte, type SQL, sql } from "drizzle-orm";
import type {
  ConversionRepository,
  CreateConditions,
  CreateOutcome,
  NewConversion,
} from "../../../modules/conversions/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import {
  conversionEvents,
  conversions,
  deadLetters,
  idempotencyRecords,
  images,
  outbox,
  quotaLedger,
} from "../schema/index.ts";
import { isActiveAdmin } from "./account-change.ts";
import { auditInsert } from "./audit.ts";
import { growth, increment } from "./business-counters.ts";
import { isActive } from "./conversion-reads.ts";
import { imageValues } from "./images.ts";
import { periodLimit, periodUnitsTaken } from "./quota.ts";

const UNITS = 1;

function referencedImages({ input }: NewConversion): string[] {
  const ids = [input.personImageId, input.garmentImageId, input.styleImageId];
  return [...new Set(ids.filter((id) => id !== null))];
}

function activeCount(db: Database, userId: string, now: number) {
  return db
    .select({ value: count() })
    .from(conversions)
    .where(
      and(eq(conversions.userId, userId), isNull(conversions.deletedAt), isActive, gt(conversions.deadlineAt, now)),
    );
}

function ownImage(userId: string, id: string): SQL {
  return sql`EXISTS (SELECT 1 FROM ${images} WHERE ${images.id} = ${id} AND ${images.userId} = ${userId} AND ${images.deletedAt} IS NULL)`;
}

/** Of all letters about a conversion one is replayed, and once. */
function replayable(deadLetterId: string): SQL {
  return sql`EXISTS (SELECT 1 FROM ${deadLetters} AS letter WHERE letter.id = ${deadLetterId} AND letter.replayed_as IS NULL
    AND NOT EXISTS (SELECT 1 FROM ${deadLetters} AS other
      WHERE other.conversion_id = letter.conversion_id AND other.replayed_as IS NOT NULL))`;
}

/** Everything that must hold in the very statement that inserts the row. */
function admission(db: Database, conversion: NewConversion, conditions: CreateConditions): SQL {
  const { userId, createdAt } = conversion;
  const { idempotency, replay, period, defaultMonthlyUnits, maxConcurrent } = conditions;
  const guards = [
    ...referencedImages(conversion).map((id) => ownImage(userId, id)),
    sql`(${activeCount(db, userId, createdAt)}) < ${maxConcurrent}`,
    sql`(${periodUnitsTaken(db, userId, period)}) + ${UNITS} <= ${periodLimit(userId, period, defaultMonthlyUnits)}`,
  ];
  if (idempotency) {
    guards.push(sql`NOT EXISTS (SELECT 1 FROM ${idempotencyRecords} WHERE ${idempotencyRecords.userId} = ${userId}
      AND ${idempotencyRecords.operation} = ${idempotency.operation} AND ${idempotencyRecords.key} = ${idempotency.key}
      AND ${idempotencyRecords.expiresAt} > ${createdAt})`);
  }
  if (replay) guards.push(replayable(replay.deadLetterId), isActiveAdmin(replay.adminId));
  return sql.join(guards, sql` AND `);
}

function conversionRow(conversion: NewConversion, writeId: string): typeof conversions.$inferInsert {
  const { outputMime, ...input } = conversion.input;
  return {
    ...input,
    id: conversion.id,
    userId: conversion.userId,
    outputFormat: outputMime,
    status: "queued",
    stage: "queued",
    progress: 0,
    degraded: false,
    dataRemoved: false,
    attempt: 0,
    notBefore: conversion.createdAt,
    wakeAt: conversion.createdAt,
    title: conversion.title,
    metadata: conversion.metadata,
    favorite: false,
    retryOf: conversion.retryOf,
    origin: conversion.origin,
    version: 1,
    writeId,
    createdAt: conversion.createdAt,
    deadlineAt: conversion.deadlineAt,
    updatedAt: conversion.createdAt,
  };
}

/** Why nothing was created, looked up after the fact; null when the reason has gone in the meantime. */
async function explain(
  db: Database,
  reads: Pick<ConversionRepository, "findIdempotencyRecord">,
  conversion: NewConversion,
  conditions: CreateConditions,
): Promise<CreateOutcome | null> {
  const { userId, createdAt } = conversion;
  const { idempotency, replay, period, defaultMonthlyUnits } = conditions;
  if (replay) {
    const [holds] = await db
      .select({ admin: sql`${isActiveAdmin(replay.adminId)}`, letter: sql`${replayable(replay.deadLetterId)}` })
      .from(sql`(SELECT 1)`);
    if (holds?.admin !== 1) return { kind: "not_admin" };
    if (holds.letter !== 1) return { kind: "already_replayed" };
  }
  if (idempotency) {
    const record = await reads.findIdempotencyRecord(userId, idempotency.operation, idempotency.key, createdAt);
    if (record) return { kind: "known_key", record };
  }
  const uploaded = new Set(conditions.newImages.map((image) => image.id));
  for (const imageId of referencedImages(conversion)) {
    if (uploaded.has(imageId)) continue;
    const [found] = await db.select({ id: images.id }).from(images).where(ownImage(userId, imageId)).limit(1);
    if (!found) return { kind: "image_not_found", imageId };
  }
  const [active] = await activeCount(db, userId, createdAt);
  if ((active?.value ?? 0) >= conditions.maxConcurrent) return { kind: "concurrency_limit" };
  const [taken] = await db
    .select({
      full: sql<number>`(${periodUnitsTaken(db, userId, period)}) + ${UNITS} > ${periodLimit(userId, period, defaultMonthlyUnits)}`,
    })
    .from(sql`(SELECT 1)`);
  return taken?.full === 1 ? { kind: "quota_exceeded" } : null;
}

/** Takes the key for this conversion; a record whose time is over makes room. */
function claimKey(db: Database, record: typeof idempotencyRecords.$inferSelect, now: number, created: SQL) {
  const { userId, operation, key } = idempotencyRecords;
  const same = and(eq(userId, record.userId), eq(operation, record.operation), eq(key, record.key));
  return [
    db.delete(idempotencyRecords).where(and(same, lte(idempotencyRecords.expiresAt, now))),
    insertWhere(db, idempotencyRecords, record, created),
  ];
}

function markReplayed(db: Database, deadLetterId: string, { id, createdAt }: NewConversion, created: SQL) {
  return db
    .update(deadLetters)
    .set({ replayedAs: id, replayedAt: createdAt })
    .where(and(eq(deadLetters.id, deadLetterId), created));
}

/** What a conversion begins with: its first event, its unit, the promise of its first message, and that it counts. */
function firstRecords(db: Database, conversion: NewConversion, conditions: CreateConditions, created: SQL) {
  const { id, userId, createdAt } = conversion;
  const growths = [
    growth("conversions_created_total", { kind: conversion.input.kind }),
    growth("quota_units_total", { event: "reserved" }, UNITS),
  ];
  return [
    insertWhere(
      db,
      conversionEvents,
      {
        conversionId: id,
        version: 1,
        type: "conversion.queued",
        status: "queued",
        stage: "queued",
        progress: 0,
        cause: "created",
        at: createdAt,
      },
      created,
    ),
    insertWhere(
      db,
      quotaLedger,
      {
        conversionId: id,
        userId,
        period: conditions.period,
        bucket: "plan",
        units: UNITS,
        state: "reserved",
        reservedAt: createdAt,
      },
      created,
    ),
    insertWhere(
      db,
      outbox,
      {
        id: conditions.outboxId,
        topic: "conversion.run",
        payload: { conversionId: id },
        dueAt: conditions.outboxDueAt,
        createdAt,
      },
      created,
    ),
    increment(db, growths, created),
  ] as const;
}

async function tryCreate(db: Database, conversion: NewConversion, conditions: CreateConditions): Promise<boolean> {
  const { id, userId, createdAt } = conversion;
  const writeId = crypto.randomUUID();
  const created = sql`EXISTS (SELECT 1 FROM ${conversions} WHERE ${conversions.writeId} = ${writeId} AND ${conversions.id} = ${id})`;
  const { idempotency, newImages, event } = conditions;
  const row = insertWhere(db, conversions, conversionRow(conversion, writeId), admission(db, conversion, conditions));
  const imageRows = newImages.map((image) => db.insert(images).values(imageValues(image)));
  const results = await db.batch([
    ...(imageRows as [(typeof imageRows)[number]]),
    row,
    ...firstRecords(db, conversion, conditions, created),
    ...(conditions.cleanUpId === null
      ? []
      : [db.delete(outbox).where(and(eq(outbox.id, conditions.cleanUpId), created))]),
    ...(event ? [auditInsert(db, event, created)] : []),
    ...(conditions.replay ? [markReplayed(db, conditions.replay.deadLetterId, conversion, created)] : []),
    ...(idempotency ? claimKey(db, { ...idempotency, userId }, createdAt, created) : []),
    // Images must precede the conversion that refers to them; where it was refused, they go again in the same batch.
    ...newImages.map((image) => db.delete(images).where(and(eq(images.id, image.id), sql`NOT ${created}`))),
  ]);
  return results[imageRows.length]?.meta.changes === 1;
}

export function createConversionCreate(
  db: Database,
  reads: Pick<ConversionRepository, "findIdempotencyRecord">,
): Pick<ConversionRepository, "create"> {
  return {
    async create(conversion, conditions) {
      for (let round = 0; round < 3; round++) {
        if (await tryCreate(db, conversion, conditions)) return { kind: "created" };
        const refusal = await explain(db, reads, conversion, conditions);
        if (refusal) return refusal;
      }
      throw new Error("a conversion was refused again and again for reasons that had gone when looked up");
    },
  };
}
