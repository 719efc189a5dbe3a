import { and, asc, eq, inArray, isNotNull, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { conversionKeys } from "../../../modules/conversions/conversion.ts";
import { objectKeys } from "../../../modules/images/object-keys.ts";
import type { AccountErasure } from "../../../modules/users/repository.ts";
import type { Database } from "../atomic.ts";
import {
  auditLog,
  conversionEvents,
  conversions,
  deadLetters,
  idempotencyRecords,
  images,
  outbox,
  providerCalls,
  quotaGrants,
  quotaLedger,
  users,
} from "../schema/index.ts";
import { PERSONAL } from "./audit.ts";

/** Any number of ids as one bound parameter: a statement takes a hundred at the most. */
function oneOf(column: SQLiteColumn, ids: readonly string[]): SQL {
  return inArray(column, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`);
}

type Names = Parameters<AccountErasure["anonymizeAudit"]>[1];

const isLinked = isNotNull(auditLog.seq);
const payloadPseudonym = sql`${outbox.payload} ->> 'pseudonym'`;

/** The one that the promise of the erasure has; null once that is kept. */
function pseudonymOf(promiseId: string): SQL<string> {
  return sql`(SELECT ${payloadPseudonym} FROM ${outbox} WHERE ${outbox.id} = ${promiseId})`;
}

/**
 * Gives the promise a pseudonym, and another one when the user's id has a chain by now that doesn't go on where the
 * pseudonym's ends: then the places of its events are taken, or about to be.
 */
function choosePseudonym(db: Database, userId: string, { promiseId, pseudonym }: Names) {
  const first = sql`(SELECT min(seq) FROM ${auditLog} WHERE user_id = ${userId} AND seq IS NOT NULL)`;
  const renamed = (condition: SQL) =>
    sql`EXISTS (SELECT 1 FROM ${auditLog} WHERE user_id = ${payloadPseudonym} AND ${condition})`;
  const isTaken = sql`${first} IS NOT NULL AND (${renamed(sql`seq IS NULL`)} OR ${renamed(sql`seq >= ${first}`)})`;
  return db
    .update(outbox)
    .set({ payload: sql`json_set(${outbox.payload}, '$.pseudonym', ${pseudonym})` })
    .where(and(eq(outbox.id, promiseId), sql`(${payloadPseudonym} IS NULL OR (${isTaken}))`));
}

/** One step of each kind. The chain goes from its beginning, its end last; then what is in no chain. */
function logChanges(db: Database, userId: string, { promiseId, aliases, until }: Names, limit: number) {
  const pseudonym = pseudonymOf(promiseId);
  const found = (where: SQL | undefined, order?: SQLiteColumn) => {
    const rows = db.select({ id: auditLog.id }).from(auditLog).where(where).limit(limit);
    return and(
      inArray(auditLog.id, order === undefined ? rows : rows.orderBy(asc(order))),
      sql`${pseudonym} IS NOT NULL`,
    );
  };
  const own = {
    ...PERSONAL,
    userId: pseudonym,
    actorId: sql`CASE WHEN ${auditLog.actorId} = ${userId} THEN ${pseudonym} ELSE ${auditLog.actorId} END`,
  };
  const isOwn = eq(auditLog.userId, userId);
  const hasChain = sql`EXISTS (SELECT 1 FROM ${auditLog} WHERE user_id = ${userId} AND seq IS NOT NULL)`;
  const isPersonal = or(...Object.keys(PERSONAL).map((key) => isNotNull(auditLog[key as keyof typeof PERSONAL])));
  const grants = db.select({ id: quotaGrants.id }).from(quotaGrants).where(eq(quotaGrants.grantedBy, userId));
  return [
    db
      .update(auditLog)
      .set(own)
      .where(found(and(isOwn, isLinked), auditLog.seq)),
    db
      .update(auditLog)
      .set(own)
      .where(and(found(and(isOwn, isNull(auditLog.seq)), auditLog.id), sql`NOT ${hasChain}`)),
    db
      .update(auditLog)
      .set({ ...PERSONAL, actorId: pseudonym })
      .where(found(and(eq(auditLog.actorId, userId), sql`+${auditLog.userId} <> ${userId}`))),
    db
      .update(auditLog)
      .set(PERSONAL)
      .where(found(and(oneOf(auditLog.userId, aliases), lte(auditLog.createdAt, until), isPersonal))),
    db
      .update(quotaGrants)
      .set({ grantedBy: pseudonym })
      .where(and(inArray(quotaGrants.id, grants.limit(limit)), sql`${pseudonym} IS NOT NULL`)),
  ] as const;
}

/** Erasing deleted accounts on D1. */
export function createD1AccountErasure(db: Database): AccountErasure {
  return {
    async deletedAt(userId) {
      const deleted = and(eq(users.id, userId), eq(users.status, "deleted"));
      const [row] = await db.select({ at: users.updatedAt }).from(users).where(deleted);
      return row?.at ?? null;
    },

    async next(userId, limit) {
      const owned = db.select({ id: conversions.id }).from(conversions).where(eq(conversions.userId, userId));
      const conversionIds = (await owned.limit(limit)).map((row) => row.id);
      if (conversionIds.length > 0) {
        return {
          conversionIds,
          imageIds: [],
          objectKeys: conversionIds.flatMap((id) => conversionKeys(id)),
        };
      }
      const rows = await db
        .select({ id: images.id, originalKey: images.originalKey, thumbnailKey: images.thumbnailKey })
        .from(images)
        .where(eq(images.userId, userId))
        .limit(limit);
      return { conversionIds, imageIds: rows.map((row) => row.id), objectKeys: rows.flatMap(objectKeys) };
    },

    async eraseRows(userId, { conversionIds, imageIds }) {
      await db.batch([
        db.delete(conversionEvents).where(oneOf(conversionEvents.conversionId, conversionIds)),
        db.delete(quotaLedger).where(oneOf(quotaLedger.conversionId, conversionIds)),
        // One under way is left for its worker, or the sweep, to settle: the day's sums hold a part of their cost for it.
        db
          .delete(providerCalls)
          .where(and(oneOf(providerCalls.conversionId, conversionIds), sql`${providerCalls.outcome} <> 'pending'`)),
        db.delete(deadLetters).where(oneOf(deadLetters.conversionId, conversionIds)),
        db.delete(conversions).where(and(eq(conversions.userId, userId), oneOf(conversions.id, conversionIds))),
        // The plus keeps SQLite from going through all of the user's for these.
        db.delete(images).where(and(sql`+${images.userId} = ${userId}`, oneOf(images.id, imageIds))),
      ]);
    },

    async anonymizeAudit(userId, names, limit) {
      const changes = logChanges(db, userId, names, limit);
      const [, ...results] = await db.batch([choosePseudonym(db, userId, names), ...changes]);
      return results.reduce((sum, { meta }) => sum + meta.changes, 0);
    },

    async eraseAccount(userId) {
      await db.batch([
        db.delete(idempotencyRecords).where(eq(idempotencyRecords.userId, userId)),
        db.delete(quotaLedger).where(eq(quotaLedger.userId, userId)),
        db.delete(quotaGrants).where(eq(quotaGrants.userId, userId)),
        db.delete(users).where(and(eq(users.id, userId), eq(users.status, "deleted"))),
      ]);
    },
  };
}
