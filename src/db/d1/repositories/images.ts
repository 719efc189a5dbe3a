import { and, desc, eq, gt, isNull, lt, or, type Placeholder, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { newId } from "../../../kernel/ids.ts";
import { toPage } from "../../../kernel/page.ts";
import { objectKeys } from "../../../modules/images/object-keys.ts";
import type { Image, ImageRepository, NewImage } from "../../../modules/images/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { conversions, images, outbox, plans, users } from "../schema/index.ts";
import { auditInsert } from "./audit.ts";
import { isActive } from "./conversion-reads.ts";

/** The request that deletes an image deletes its objects itself; after this long the sweeper does. */
const OUTBOX_GRACE_MS = 60_000;

/** Spelled out, since SQLite can't match bound values with the condition of a partial index. */
const isUpload = sql`${images.kind} <> 'result'`;

const DAY_MS = 24 * 60 * 60_000;

/** Each value, or what stands for it; but the kind decides what is asked. */
type ImageValues = { readonly [K in keyof NewImage]: NewImage[K] | (K extends "kind" ? never : Placeholder) };

/** When retention removes an image, by its owner's plan; null for never. */
function expiryOf({ userId, kind, createdAt }: ImageValues): SQL {
  const days = kind === "result" ? plans.resultRetentionDays : plans.originalRetentionDays;
  return sql`(SELECT ${createdAt} + ${days} * ${DAY_MS} FROM ${users} JOIN ${plans} ON ${plans.id} = ${users.planId} WHERE ${users.id} = ${userId})`;
}

/** The row of an image, for inserts that belong to a larger batch. */
export function imageValues<I extends ImageValues>(image: I) {
  return { ...image, expiresAt: expiryOf(image) };
}

function toImage(row: typeof images.$inferSelect): Image {
  const { deletedAt: _, ...image } = row;
  return image;
}

function live(id: string, owner: SQL | undefined): SQL | undefined {
  return and(eq(images.id, id), owner, isNull(images.deletedAt));
}

/** Whether an active conversion of the user, with time left, takes the image as an input. */
export function neededBy(userId: SQLWrapper | string, id: SQLWrapper | string, now: number): SQL {
  return sql`EXISTS (SELECT 1 FROM ${conversions} WHERE ${and(
    eq(conversions.userId, userId),
    isNull(conversions.deletedAt),
    isActive,
    gt(conversions.deadlineAt, now),
    or(eq(conversions.personImageId, id), eq(conversions.garmentImageId, id), eq(conversions.styleImageId, id)),
  )})`;
}

export function createD1ImageRepository(db: Database): ImageRepository {
  async function one(condition: SQL | undefined): Promise<Image | null> {
    const [row] = await db.select().from(images).where(condition).limit(1);
    return row ? toImage(row) : null;
  }

  return {
    async insert(image, outboxId, event) {
      const ownerIsThere = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${image.userId} AND ${users.status} <> 'deleted')`;
      const isInserted = sql`EXISTS (SELECT 1 FROM ${images} WHERE ${images.id} = ${image.id})`;
      const [inserted] = await db.batch([
        insertWhere(db, images, imageValues(image), ownerIsThere).returning({ expiresAt: images.expiresAt }),
        db.delete(outbox).where(and(eq(outbox.id, outboxId), isInserted)),
        auditInsert(db, event, isInserted),
      ]);
      const [row] = inserted;
      return row === undefined ? null : { ...image, expiresAt: row.expiresAt };
    },
    find: (userId, id) => one(live(id, eq(images.userId, userId))),
    findAny: (id) => one(live(id, undefined)),

    async list(userId, kind, page) {
      const rows = await db
        .select()
        .from(images)
        .where(
          and(
            eq(images.userId, userId),
            isNull(images.deletedAt),
            kind === null ? isUpload : eq(images.kind, kind),
            page.afterKey === null ? undefined : lt(images.id, page.afterKey),
          ),
        )
        .orderBy(desc(images.id))
        .limit(page.limit + 1);
      return toPage(rows.map(toImage), page.limit, (image) => image.id);
    },

    async remove(userId, id, now, event) {
      const image = await one(live(id, eq(images.userId, userId)));
      if (!image) return { kind: "not_found" };
      const outboxId = newId("obx", now);
      const promise = {
        id: outboxId,
        topic: "objects.delete" as const,
        payload: { keys: objectKeys(image) },
        dueAt: now + OUTBOX_GRACE_MS,
        createdAt: now,
      };
      const removable = and(live(id, eq(images.userId, userId)), sql`NOT ${neededBy(userId, id, now)}`);
      // The promise goes in first, under the same condition: after the update nobody could tell who removed the image.
      const [promised] = await db.batch([
        insertWhere(db, outbox, promise, sql`EXISTS (SELECT 1 FROM ${images} WHERE ${removable})`),
        db
          .update(conversions)
          .set({ dataRemoved: true, version: sql`${conversions.version} + 1`, updatedAt: now })
          .where(
            and(
              eq(conversions.userId, userId),
              isNull(conversions.deletedAt),
              eq(conversions.resultImageId, id),
              sql`EXISTS (SELECT 1 FROM ${images} WHERE ${removable})`,
            ),
          ),
        auditInsert(db, event, sql`EXISTS (SELECT 1 FROM ${images} WHERE ${removable})`),
        db.update(images).set({ deletedAt: now }).where(removable),
      ]);
      if (promised.meta.changes === 1) return { kind: "removed", image, outboxId };
      return (await one(live(id, eq(images.userId, userId)))) ? { kind: "in_use" } : { kind: "not_found" };
    },
  };
}
