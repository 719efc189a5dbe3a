import { and, eq, gt, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import type { Claim, ClaimOptions } from "../../../modules/conversions/repository.ts";
import type { Database } from "../atomic.ts";
import { type Placeholders, preparedBatchSelect, preparedStatements } from "../prepared.ts";
import { conversions, images, quotaLedger, stageTimings } from "../schema/index.ts";
import { transitionStatements } from "./conversion-batch.ts";
import { CONVERSION_COLUMNS, toConversion } from "./conversion-reads.ts";
import { toTimes } from "./stage-timings.ts";

const NAMES = ["id", "token", "writeId", "now", "leaseUntil", "maxAttempts"] as const;
type ClaimValues = { [K in (typeof NAMES)[number]]: string | number };
type Slots = Placeholders<ClaimValues>;

/** A queued job that is due, or one whose lease ran out, with time left. */
function takeable(v: Slots, attempts: SQL): SQL | undefined {
  const lost = and(eq(conversions.status, "processing"), lte(conversions.leaseUntil, v.now));
  const due = and(eq(conversions.status, "queued"), lte(conversions.notBefore, v.now));
  const isOpen = and(eq(conversions.id, v.id), isNull(conversions.deletedAt), gt(conversions.deadlineAt, v.now));
  return and(isOpen, attempts, or(lost, due));
}

function takingOf(attemptsSpent: boolean) {
  return preparedStatements<ClaimValues>(NAMES, [], (db, v) => {
    const attempts = attemptsSpent
      ? sql`${conversions.attempt} >= ${v.maxAttempts}`
      : sql`${conversions.attempt} < ${v.maxAttempts}`;
    return transitionStatements(db, v.writeId, {
      id: v.id,
      where: takeable(v, attempts),
      set: {
        status: "processing",
        stage: "fetching",
        lease: v.token,
        leaseUntil: v.leaseUntil,
        wakeAt: v.leaseUntil,
        startedAt: sql`coalesce(${conversions.startedAt}, ${v.now})`,
        ...(attemptsSpent ? {} : { attempt: sql`${conversions.attempt} + 1` }),
      },
      now: v.now,
      event: { type: "conversion.processing", cause: "claimed by a worker" },
    });
  });
}

const takingAnother = takingOf(false);
const takingSpent = takingOf(true);

/** Nobody else knows the token: only a job that was just taken has it. */
const isTaken = (v: Slots) => and(eq(conversions.id, v.id), eq(conversions.lease, v.token));

// It has no result yet.
const { row, ledger } = CONVERSION_COLUMNS;
const taken = preparedBatchSelect(NAMES, (db, v: Slots) =>
  db
    .select({ row, ledger })
    .from(conversions)
    .innerJoin(quotaLedger, eq(quotaLedger.conversionId, conversions.id))
    .where(isTaken(v)),
);

const { id, originalKey, mime, width, height } = images;
const inputsOf = preparedBatchSelect(NAMES, (db, v: Slots) => {
  const { personImageId, garmentImageId, styleImageId } = conversions;
  const isInput = sql`${images.id} IN (${personImageId}, ${garmentImageId}, ${styleImageId})`;
  return db
    .select({ id, originalKey, mime, width, height })
    .from(conversions)
    .innerJoin(images, and(isInput, isNull(images.deletedAt)))
    .where(isTaken(v));
});

const timesOf = preparedBatchSelect(NAMES, (db, v: Slots) => {
  const kind = db.select({ kind: conversions.kind }).from(conversions).where(isTaken(v));
  return db
    .select()
    .from(stageTimings)
    .where(eq(stageTimings.kind, sql`(${kind})`));
});

/** Takes a job and reads what its worker begins with, in one batch. */
export async function claimConversion(
  db: Database,
  conversionId: string,
  { now, leaseMs, maxAttempts, attemptsSpent }: ClaimOptions,
): Promise<Claim | null> {
  const token = crypto.randomUUID();
  const writeId = crypto.randomUUID();
  const values = { id: conversionId, token, writeId, now, leaseUntil: now + leaseMs, maxAttempts };
  const writes = (attemptsSpent ? takingSpent : takingAnother)(db, values);
  const [job, inputs, usual] = [taken(db, values), inputsOf(db, values), timesOf(db, values)];
  const results = await db.$client.batch([...writes, job.statement, inputs.statement, usual.statement]);
  const [found, sources, times] = results.slice(writes.length);
  const [selected] = job.rows(found);
  if (selected === undefined) return null;
  const conversion = toConversion({ ...selected, image: null });
  return {
    lease: { conversionId, userId: conversion.userId, token },
    conversion,
    sources: new Map(inputs.rows(sources).map((source) => [source.id, source])),
    times: new Map(usual.rows(times).map((row) => [row.provider, toTimes(row)])),
  };
}
