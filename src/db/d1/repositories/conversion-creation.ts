import { and, count, eq, gt, isNull, lte, type SQL, sql } from "drizzle-orm";
import type { CreateConditions, NewConversion } from "../../../modules/conversions/repository.ts";
import { type Database, insertWhere, type Value } from "../atomic.ts";
import { type Placeholders, preparedStatements } from "../prepared.ts";
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
import { auditInsertOf, detailText } from "./audit.ts";
import { growth, increment } from "./business-counters.ts";
import { isActive } from "./conversion-reads.ts";
import { periodLimit, periodUnitsTaken } from "./quota.ts";

export const UNITS = 1;

export const IMAGE_INPUTS = ["personImageId", "garmentImageId", "styleImageId"] as const;

export function activeCount(db: Database, userId: Value<string>, now: Value<number>) {
  return db
    .select({ value: count() })
    .from(conversions)
    .where(
      and(eq(conversions.userId, userId), isNull(conversions.deletedAt), isActive, gt(conversions.deadlineAt, now)),
    );
}

export function ownImage(userId: Value<string>, id: Value<string>): SQL {
  return sql`EXISTS (SELECT 1 FROM ${images} WHERE ${images.id} = ${id} AND ${images.userId} = ${userId} AND ${images.deletedAt} IS NULL)`;
}

/** Of all letters about a conversion one is replayed, and once. */
export function replayable(deadLetterId: Value<string>): SQL {
  return sql`EXISTS (SELECT 1 FROM ${deadLetters} AS letter WHERE letter.id = ${deadLetterId} AND letter.replayed_as IS NULL
    AND NOT EXISTS (SELECT 1 FROM ${deadLetters} AS other
      WHERE other.conversion_id = letter.conversion_id AND other.replayed_as IS NOT NULL))`;
}

/** Without what {@link CREATED} gives for all. */
const INPUTS = [
  "kind",
  ...IMAGE_INPUTS,
  "stylePreset",
  "category",
  "prompt",
  "seed",
  "outputFormat",
  "providerRequested",
  "fallback",
  "title",
  "metadata",
  "retryOf",
  "origin",
  "deadlineAt",
] as const;
const ALWAYS = [
  "id",
  "userId",
  "writeId",
  "createdAt",
  ...INPUTS,
  "period",
  "planUnits",
  "maxConcurrent",
  "outboxId",
  "outboxDueAt",
  "payload",
] as const;
/** With a key, an event, a letter to replay, uploads to clean up. */
const EVENT = ["eventId", "actorId", "action", "outcome", "sessionId", "ipPrefix", "detail", "eventAt"] as const;
const KEY = ["operation", "key", "fingerprint", "answerStatus", "answerBody", "lockedUntil", "keyExpiresAt"] as const;
const OTHERS = ["deadLetterId", "adminId", "cleanUpId"] as const;
const NAMES = [...ALWAYS, ...EVENT, ...KEY, ...OTHERS];
type CreateValues = { [K in (typeof NAMES)[number]]: string | number | null };
type Slots = Placeholders<CreateValues>;

export function creationValues(conversion: NewConversion, conditions: CreateConditions): CreateValues {
  const { outputMime, ...input } = conversion.input;
  const { event, idempotency, replay } = conditions;
  return {
    ...input,
    id: conversion.id,
    userId: conversion.userId,
    writeId: crypto.randomUUID(),
    createdAt: conversion.createdAt,
    outputFormat: outputMime,
    title: conversion.title,
    metadata: JSON.stringify(conversion.metadata),
    retryOf: conversion.retryOf,
    origin: conversion.origin && JSON.stringify(conversion.origin),
    deadlineAt: conversion.deadlineAt,
    period: conditions.period,
    planUnits: conditions.defaultMonthlyUnits,
    maxConcurrent: conditions.maxConcurrent,
    outboxId: conditions.outboxId,
    outboxDueAt: conditions.outboxDueAt,
    payload: JSON.stringify({ conversionId: conversion.id }),
    eventId: event?.id ?? null,
    actorId: event?.actorId ?? null,
    action: event?.action ?? null,
    outcome: event?.outcome ?? null,
    sessionId: event?.sessionId ?? null,
    ipPrefix: event?.ipPrefix ?? null,
    detail: event && detailText(event),
    eventAt: event?.createdAt ?? null,
    operation: idempotency?.operation ?? null,
    key: idempotency?.key ?? null,
    fingerprint: idempotency?.fingerprint ?? null,
    answerStatus: idempotency?.status ?? null,
    answerBody: idempotency?.body ?? null,
    lockedUntil: idempotency?.lockedUntil ?? null,
    keyExpiresAt: idempotency?.expiresAt ?? null,
    deadLetterId: replay?.deadLetterId ?? null,
    adminId: replay?.adminId ?? null,
    cleanUpId: conditions.cleanUpId,
  };
}

/** Everything that must hold in the very statement that inserts the row. */
function admission(db: Database, v: Slots, given: ReadonlySet<keyof CreateValues>): SQL {
  const guards = [
    ...IMAGE_INPUTS.filter((name) => name === "personImageId" || given.has(name)).map((name) =>
      ownImage(v.userId, v[name]),
    ),
    sql`(${activeCount(db, v.userId, v.createdAt)}) < ${v.maxConcurrent}`,
    sql`(${periodUnitsTaken(db, v.userId, v.period)}) + ${UNITS} <= ${periodLimit(v.userId, v.period, v.planUnits)}`,
  ];
  if (given.has("key")) {
    guards.push(sql`NOT EXISTS (SELECT 1 FROM ${idempotencyRecords} WHERE ${idempotencyRecords.userId} = ${v.userId}
      AND ${idempotencyRecords.operation} = ${v.operation} AND ${idempotencyRecords.key} = ${v.key}
      AND ${idempotencyRecords.expiresAt} > ${v.createdAt})`);
  }
  if (given.has("deadLetterId")) guards.push(replayable(v.deadLetterId), isActiveAdmin(v.adminId));
  return sql.join(guards, sql` AND `);
}

/** The row as it begins. */
function conversionRow(v: Slots) {
  const inputs = Object.fromEntries(INPUTS.map((name) => [name, v[name]])) as Pick<Slots, (typeof INPUTS)[number]>;
  return {
    ...inputs,
    id: v.id,
    userId: v.userId,
    status: "queued",
    stage: "queued",
    progress: 0,
    degraded: false,
    dataRemoved: false,
    attempt: 0,
    notBefore: v.createdAt,
    wakeAt: v.createdAt,
    favorite: false,
    version: 1,
    writeId: v.writeId,
    createdAt: v.createdAt,
    updatedAt: v.createdAt,
  } as const;
}

/** Takes the key for this conversion; a record whose time is over makes room. */
function claimKey(db: Database, v: Slots, created: SQL) {
  const { userId, operation, key } = idempotencyRecords;
  const same = and(eq(userId, v.userId), eq(operation, v.operation), eq(key, v.key));
  const record = {
    userId: v.userId,
    operation: v.operation,
    key: v.key,
    fingerprint: v.fingerprint,
    conversionId: v.id,
    status: v.answerStatus,
    body: v.answerBody,
    lockedUntil: v.lockedUntil,
    expiresAt: v.keyExpiresAt,
  };
  return [
    db.delete(idempotencyRecords).where(and(same, lte(idempotencyRecords.expiresAt, v.createdAt))),
    insertWhere(db, idempotencyRecords, record, created),
  ];
}

function markReplayed(db: Database, v: Slots, created: SQL) {
  return db
    .update(deadLetters)
    .set({ replayedAs: sql`${v.id}`, replayedAt: sql`${v.createdAt}` })
    .where(and(eq(deadLetters.id, v.deadLetterId), created));
}

/** What a conversion begins with: its first event, its unit, the promise of its first message, and that it counts. */
function firstRecords(db: Database, v: Slots, created: SQL) {
  const event = {
    conversionId: v.id,
    version: 1,
    type: "conversion.queued",
    status: "queued",
    stage: "queued",
    progress: 0,
    cause: "created",
    at: v.createdAt,
  } as const;
  const unit = {
    conversionId: v.id,
    userId: v.userId,
    period: v.period,
    bucket: "plan",
    units: UNITS,
    state: "reserved",
    reservedAt: v.createdAt,
  } as const;
  const message = {
    id: v.outboxId,
    topic: "conversion.run",
    payload: v.payload,
    dueAt: v.outboxDueAt,
    createdAt: v.createdAt,
  } as const;
  const growths = [
    growth("conversions_created_total", { kind: v.kind }),
    growth("quota_units_total", { event: "reserved" }, UNITS),
  ];
  return [
    insertWhere(db, conversionEvents, event, created),
    insertWhere(db, quotaLedger, unit, created),
    insertWhere(db, outbox, message, created),
    increment(db, growths, created),
  ];
}

/** The event of a conversion is in its owner's log, whoever has made it. */
function auditRecord(db: Database, v: Slots, created: SQL) {
  const { eventId: id, userId: subject, eventAt: createdAt } = v;
  const { actorId, action, outcome, sessionId, ipPrefix, detail } = v;
  const event = { id, subject, actorId, action, outcome, sessionId, ipPrefix, detail, createdAt };
  return auditInsertOf(db, event, created);
}

/** The row comes first: all else is there if it is. */
export const creation = preparedStatements<CreateValues>(
  NAMES,
  ["garmentImageId", "styleImageId", "eventId", "key", "deadLetterId", "cleanUpId"],
  (db, v, given) => {
    const created = sql`EXISTS (SELECT 1 FROM ${conversions} WHERE ${conversions.writeId} = ${v.writeId} AND ${conversions.id} = ${v.id})`;
    return [
      insertWhere(db, conversions, conversionRow(v), admission(db, v, given)),
      ...firstRecords(db, v, created),
      ...(given.has("cleanUpId") ? [db.delete(outbox).where(and(eq(outbox.id, v.cleanUpId), created))] : []),
      ...(given.has("eventId") ? [auditRecord(db, v, created)] : []),
      ...(given.has("deadLetterId") ? [markReplayed(db, v, created)] : []),
      ...(given.has("key") ? claimKey(db, v, created) : []),
    ];
  },
);
