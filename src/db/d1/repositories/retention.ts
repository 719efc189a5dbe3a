import { and, asc, inArray, isNull, lte, type SQL, sql } from "drizzle-orm";
import type { Retention } from "../../../modules/conversions/retention.ts";
import { objectKeys } from "../../../modules/images/object-keys.ts";
import type { Database } from "../atomic.ts";
import { conversions, images, outbox } from "../schema/index.ts";
import { neededBy } from "./images.ts";

function hasExpired(now: number): SQL | undefined {
  return and(isNull(images.deletedAt), lte(images.expiresAt, now));
}

type Row = Pick<typeof images.$inferSelect, "id" | "originalKey" | "thumbnailKey">;

/**
 * The batch: what is needed is moved out of the way first, so that for the statements after it what has expired is what
 * goes. Those before the last one find it by the same condition; the last one ends it.
 */
function removal(
  db: Database,
  rows: readonly Row[],
  { now, postponeTo, outboxId }: Parameters<Retention["removeExpired"]>[0],
) {
  const ids = JSON.stringify(rows.map(({ id }) => id));
  const keys = JSON.stringify(rows.flatMap((row) => objectKeys(row).map((key) => ({ id: row.id, key }))));
  const going = and(inArray(images.id, sql`(SELECT value FROM json_each(${ids}))`), hasExpired(now));
  const results = db
    .select({ id: images.id })
    .from(images)
    .where(and(going, sql`${images.kind} = 'result'`));
  return [
    db
      .update(images)
      .set({ expiresAt: postponeTo })
      .where(and(going, neededBy(images.userId, images.id, now))),
    db.insert(outbox).select(
      sql`SELECT ${outboxId}, 'objects.delete', json_object('keys', json_group_array(given.value ->> 'key')), ${now}, ${now}
        FROM json_each(${keys}) AS given CROSS JOIN ${images} ON ${images.id} = given.value ->> 'id'
        WHERE ${hasExpired(now)} HAVING count(*) > 0`,
    ),
    db
      .update(conversions)
      .set({ dataRemoved: true, version: sql`${conversions.version} + 1`, updatedAt: now })
      .where(and(inArray(conversions.resultImageId, results), isNull(conversions.deletedAt))),
    db.update(images).set({ deletedAt: now }).where(going),
  ] as const;
}

export function createD1Retention(db: Database): Retention {
  return {
    async removeExpired(options) {
      const rows = await db
        .select({ id: images.id, originalKey: images.originalKey, thumbnailKey: images.thumbnailKey })
        .from(images)
        .where(hasExpired(options.now))
        .orderBy(asc(images.expiresAt))
        .limit(options.limit);
      if (rows.length === 0) return { removed: 0, postponed: 0 };
      const [postponed, , , removed] = await db.batch(removal(db, rows, options));
      return { removed: removed.meta.changes, postponed: postponed.meta.changes };
    },
  };
}
