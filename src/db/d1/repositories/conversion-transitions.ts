import { and, eq, exists, gt, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { newId, resultImageId } from "../../../kernel/ids.ts";
import { answerKey, conversionKeys, resultKeys } from "../../../modules/conversions/conversion.ts";
import type { ConversionRepository } from "../../../modules/conversions/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { conversions, images, outbox } from "../schema/index.ts";
import { end, endedColumns, held, transition } from "./conversion-batch.ts";
import { selectOne } from "./conversion-reads.ts";
import { imageValues, neededBy } from "./images.ts";

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
function later(column: SQLiteColumn, value: number): SQL<number> {
  return sql<number>`max(${column}, ${value})`;
}

/** Promises that the provider's answer goes, now that a result has been made of it. */
function dropAnswer(db: Database, id: string, outboxId: string, now: number, done: SQL) {
  const payload = { keys: [answerKey(id)] };
  const values = { id: outboxId, topic: "objects.delete" as const, payload, dueAt: now + 60_000, createdAt: now };
  return insertWhere(db, outbox, values, done);
}

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

    async claim(id, { now, leaseMs, maxAttempts, attemptsSpent }) {
      const token = crypto.randomUUID();
      const lost = and(eq(conversions.status, "processing"), lte(conversions.leaseUntil, now));
      const due = and(eq(conversions.status, "queued"), lte(conversions.notBefore, now));
      const claimed = await transition(db, {
        id,
        where: and(
          eq(conversions.id, id),
          isNull(conversions.deletedAt),
          gt(conversions.deadlineAt, now),
          attemptsSpent ? sql`${conversions.attempt} >= ${maxAttempts}` : sql`${conversions.attempt} < ${maxAttempts}`,
          or(lost, due),
        ),
        set: {
          status: "processing",
          stage: "fetching",
          lease: token,
          leaseUntil: now + leaseMs,
          wakeAt: now + leaseMs,
          startedAt: sql`coalesce(${conversions.startedAt}, ${now})`,
          ...(attemptsSpent ? {} : { attempt: sql`${conversions.attempt} + 1` }),
        },
        now,
        event: { type: "conversion.processing", cause: "claimed by a worker" },
      });
      const conversion = claimed
        ? await selectOne(db, and(eq(conversions.id, id), eq(conversions.lease, token)))
        : null;
      return conversion && { lease: { conversionId: id, userId: conversion.userId, token }, conversion };
    },

    async renewLease(lease, until) {
      const result = await db
        .update(conversions)
        .set({ leaseUntil: later(conversions.leaseUntil, until), wakeAt: later(conversions.wakeAt, until) })
        .where(held(lease));
      return result.meta.changes === 1;
    },

    async holdsLease(lease) {
      const found = await db.select({ id: conversions.id }).from(conversions).where(held(lease));
      return found.length === 1;
    },

    advance: (lease, { stage, progress }, { now, leaseMs }) =>
      transition(db, {
        id: lease.conversionId,
        where: held(lease),
        set: {
          // One that comes late, of an earlier stage, changes nothing but the lease.
          stage: sql`CASE WHEN ${conversions.progress} <= ${progress} THEN ${stage} ELSE ${conversions.stage} END`,
          progress: later(conversions.progress, progress),
          leaseUntil: later(conversions.leaseUntil, now + leaseMs),
          wakeAt: later(conversions.wakeAt, now + leaseMs),
        },
        now,
        event: { type: "conversion.progress", cause: stage },
      }),

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

    succeed(lease, result, { now, answerOutboxId }) {
      const holds = and(held(lease), gt(conversions.deadlineAt, now));
      const holding = exists(db.select({ one: sql`1` }).from(conversions).where(holds));
      const { original, thumbnail } = resultKeys(lease.conversionId);
      const image = {
        id: result.imageId,
        userId: lease.userId,
        kind: "result" as const,
        mime: result.mime,
        bytes: result.bytes,
        width: result.width,
        height: result.height,
        sha256: result.sha256,
        originalKey: original,
        thumbnailKey: thumbnail,
        createdAt: now,
      };
      return transition(db, {
        id: lease.conversionId,
        before: [insertWhere(db, images, imageValues(image), holding).onConflictDoNothing()],
        where: holds,
        set: {
          ...endedColumns("succeeded", now),
          progress: 100,
          resultImageId: result.imageId,
          providerUsed: result.provider,
          model: result.model,
          degraded: result.degraded,
          errorCode: null,
        },
        now,
        event: { type: "conversion.succeeded", cause: "result stored" },
        ledger: "committed",
        after: (done) =>
          answerOutboxId === null ? [] : [dropAnswer(db, lease.conversionId, answerOutboxId, now, done)],
      });
    },

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
