import { and, eq, inArray, lte, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { resultKeys } from "../../../modules/conversions/conversion.ts";
import type { AccountErasure } from "../../../modules/users/repository.ts";
import type { Database } from "../atomic.ts";
import {
  auditLog,
  conversionEvents,
  conversions,
  idempotencyRecords,
  images,
  quotaGrants,
  quotaLedger,
  users,
} from "../schema/index.ts";

/** Any number of ids as one bound parameter: a statement takes a hundred at the most. */
function oneOf(column: SQLiteColumn, ids: readonly string[]): SQL {
  return inArray(column, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`);
}

/** What is personal in an event; the trigger of the table lets nothing else be erased. */
const PERSONAL = { sessionId: null, ipPrefix: null, detail: null, salt: null };

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
          objectKeys: conversionIds.flatMap((id) => Object.values(resultKeys(id))),
        };
      }
      const rows = await db
        .select({ id: images.id, original: images.originalKey, thumbnail: images.thumbnailKey })
        .from(images)
        .where(eq(images.userId, userId))
        .limit(limit);
      const objectKeys = rows.flatMap((row) => [row.original, row.thumbnail]);
      return { conversionIds, imageIds: rows.map((row) => row.id), objectKeys };
    },

    async eraseRows(userId, { conversionIds, imageIds }) {
      await db.batch([
        db.delete(conversionEvents).where(oneOf(conversionEvents.conversionId, conversionIds)),
        db.delete(quotaLedger).where(oneOf(quotaLedger.conversionId, conversionIds)),
        db.delete(conversions).where(and(eq(conversions.userId, userId), oneOf(conversions.id, conversionIds))),
        db.delete(images).where(and(eq(images.userId, userId), oneOf(images.id, imageIds))),
      ]);
    },

    async anonymizeAudit(userId, { pseudonym, aliases, until }) {
      await db.batch([
        db
          .update(auditLog)
          .set(PERSONAL)
          .where(and(oneOf(auditLog.userId, aliases), lte(auditLog.createdAt, until))),
        db.update(quotaGrants).set({ grantedBy: pseudonym }).where(eq(quotaGrants.grantedBy, userId)),
        db
          .update(auditLog)
          .set({ ...PERSONAL, actorId: pseudonym })
          .where(and(eq(auditLog.actorId, userId), sql`+${auditLog.userId} <> ${userId}`)),
        db
          .update(auditLog)
          .set({
            ...PERSONAL,
            userId: pseudonym,
            actorId: sql`CASE WHEN ${auditLog.actorId} = ${userId} THEN ${pseudonym} ELSE ${auditLog.actorId} END`,
          })
          .where(eq(auditLog.userId, userId)),
      ]);
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
