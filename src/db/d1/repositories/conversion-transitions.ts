import { and, eq, gt, isNull, lte, or, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { newId, resultImageId } from "../../../kernel/ids.ts";
import { conversionKeys } from "../../../modules/conversions/conversion.ts";
import type { ConversionRepository } from "../../../modules/conversions/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { preparedSelect, preparedStatements } from "../prepared.ts";
import { conversions, images, outbox } from "../schema/index.ts";
import { end, held, transition, transitionStatements } from "./conversion-batch.ts";
import { claimConversion } from "./conversion-claim.ts";
import { selectOne } from "./conversion-reads.ts";
import { recordSuccess } from "./conversion-success.ts";
import { neededBy } from "./images.ts";

type Transitions = Omit<
  ConversionRepository,
  | "create"
  | "find"
  | "list"
  | "inspect"
  | "findIdempotencyRecord"
  | "listOverdue"
  | "listWakes"
  | "queuePositions"
  | "answerIdempotencyKey"
>;

/** The larger of what is there and what is given: writes may overtake each other. */
function later(column: SQLiteColumn, value: SQLWrapper): SQL<number> {
  return sql<number>`max(${column}, ${value})`;
}

const HELD = ["conversionId", "token"] as const;
type HeldValues = { [K in (typeof HELD)[number]]: string };

const selectHeld = preparedSelect<HeldValues, { id: string }>(HELD, (db, v) =>
  db.select({ id: conversions.id }).from(conversions).where(held(v)),
);

const renewing = preparedStatements<HeldValues & { until: number }>([...HELD, "until"], [], (db, v) => [
  db
    .update(conversions)
    .set({ leaseUntil: later(conversions.leaseUntil, v.until), wakeAt: later(conversions.wakeAt, v.until) })
    .where(held(v)),
]);

type AdvanceValues = HeldValues & {
  writeId: string;
  stage: string;
  progress: number;
  now: number;
  leaseUntil: number;
};

const advancing = preparedStatements<AdvanceValues>(
  [...HELD, "writeId", "stage", "progress", "now", "leaseUntil"],
  [],
  (db, v) =>
    transitionStatements(db, v.writeId, {
      id: v.conversionId,
      where: held(v),
      set: {
        // One that comes late, of an earlier stage, changes nothing but the lease.
        stage: sql`CASE WHEN ${conversions.progress} <= ${v.progress} THEN ${v.stage} ELSE ${conversions.stage} END`,
        progress: later(conversions.progress, v.progress),
        leaseUntil: later(conversions.leaseUntil, v.leaseUntil),
        wakeAt: later(conversions.wakeAt, v.leaseUntil),
      },
      now: v.now,
      event: { type: "conversion.progress", cause: v.stage },
    }),
);

export function createConversionTransitions(db: Database): Transitions {
  return {
    async updateClientFields(userId, id, fields, { expectedVersion, now, event }) {
      const own = and(eq(conversions.id, id), eq(conversions.userId, userId), isNull(conversions.deletedAt));
      const version = expectedVersion === null ? undefined : eq(conversions.version, expectedVersion);
      if (await transition(db, { id, where: and(own, version), set: fields, now, audit: event })) return "updated";
      return (await selectOne(db, own)) === null ? null : "stale";
    },

    cancel: (userId, id, now, event) =>
      end(db, id, "canceled", {
        where: and(eq(conversions.userId, userId), isNull(conversions.deletedAt), gt(conversions.deadlineAt, now)),
        cause: "canceled by the user",
        now,
        audit: event,
      }),

    async remove(userId, id, now, event) {
      await end(db, id, "canceled", { where: eq(conversions.userId, userId), cause: "deleted by the user", now });
      const outboxId = newId("obx", now);
      // A result may be another conversion's input: it stays as long as that one is active.
      const free = sql`NOT ${neededBy(userId, resultImageId(id), now)}`;
      const result = and(
        isNull(images.deletedAt),
        eq(images.id, sql`(SELECT ${conversions.resultImageId} FROM ${conversions} WHERE ${conversions.id} = ${id})`),
      );
      const removed = await transition(db, {
        id,
        where: and(
          eq(conversions.id, id),
          eq(conversions.userId, userId),
          isNull(conversions.deletedAt),
          sql`${conversions.status} NOT IN ('queued', 'processing')`,
        ),
        set: { deletedAt: now },
        now,
        audit: event,
        after: (done) => [
          db
            .update(images)
            .set({ deletedAt: now })
            .where(and(result, free, done)),
          // Retention takes it as soon as it is needed no more.
          db.update(images).set({ expiresAt: now }).where(and(result, done)),
          insertWhere(
            db,
            outbox,
            {
              id: outboxId,
              topic: "objects.delete",
              payload: { keys: conversionKeys(id) },
              dueAt: now + 60_000,
              createdAt: now,
            },
            sql`${done} AND ${free}`,
          ),
        ],
      });
      return removed ? { outboxId } : null;
    },

    claim: (id, options) => claimConversion(db, id, options),

    async renewLease({ conversionId, token }, until) {
      const [renewal] = renewing(db, { conversionId, token, until });
      return (await renewal?.run())?.meta.changes === 1;
    },

    async holdsLease({ conversionId, token }) {
      return (await selectHeld(db, { conversionId, token })).length === 1;
    },

    async advance({ conversionId, token }, to, { now, leaseMs }) {
      const writeId = crypto.randomUUID();
      const values = { conversionId, token, writeId, ...to, now, leaseUntil: now + leaseMs };
      const [advanced] = await db.$client.batch(advancing(db, values));
      return advanced?.meta.changes === 1;
    },

    requeue: (lease, { notBefore, cause, failure, keepAttempt, now, outboxId }) =>
      transition(db, {
        id: lease.conversionId,
        where: held(lease),
        set: {
          status: "queued",
          stage: "queued",
          lease: null,
          leaseUntil: null,
          notBefore,
          wakeAt: notBefore,
          ...(failure === null ? {} : { lastFailure: failure }),
          // One that no attempt was made of has not started.
          ...(keepAttempt
            ? {
                attempt: sql`${conversions.attempt} - 1`,
                startedAt: sql`CASE WHEN ${conversions.attempt} > 1 THEN ${conversions.startedAt} END`,
              }
            : {}),
        },
        now,
        event: { type: "conversion.queued", cause },
        after: (done) => [
          insertWhere(
            db,
            outbox,
            {
              id: outboxId,
              topic: "conversion.run",
              payload: { conversionId: lease.conversionId },
              dueAt: notBefore,
              createdAt: now,
            },
            done,
          ),
        ],
      }),

    succeed: (lease, result, options) => recordSuccess(db, lease, result, options),

    fail: (lease, code, now) =>
      end(db, lease.conversionId, "failed", { where: held(lease), cause: code, now, errorCode: code }),

    failUndelivered: (id, code, now) => {
      const idle = and(eq(conversions.status, "queued"), lte(conversions.notBefore, now));
      const abandoned = and(eq(conversions.status, "processing"), lte(conversions.leaseUntil, now));
      return end(db, id, "failed", { where: or(idle, abandoned), cause: code, now, errorCode: code });
    },

    expire: (id, now) =>
      end(db, id, "expired", { where: lte(conversions.deadlineAt, now), cause: "deadline passed", now }),
  };
}
