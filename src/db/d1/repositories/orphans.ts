import { and, eq, inArray, isNull, type SQL, sql } from "drizzle-orm";
import { resultImageId } from "../../../kernel/ids.ts";
import { answerKey, resultKeys } from "../../../modules/conversions/conversion.ts";
import type { OrphanRecords } from "../../../modules/conversions/retention.ts";
import { imageKeys, objectKeys } from "../../../modules/images/object-keys.ts";
import type { Database } from "../atomic.ts";
import { conversions, images, sweepCursors } from "../schema/index.ts";
import { isActive } from "./conversion-reads.ts";

const ID = /^(usr|img|cnv)_[0-9A-HJKMNP-TV-Z]{26}$/;

interface Owner {
  /** Null for what is kept only while its conversion is active. */
  readonly imageId: string | null;
  /** Null for an upload. */
  readonly conversionId: string | null;
}

/** The row that a key belongs to, by the shapes the service gives to keys; null for a key of another shape. */
function ownerOf(key: string): Owner | null {
  const [folder, first = "", second = ""] = key.split("/");
  if (folder === "results" && first.startsWith("cnv_") && ID.test(first)) {
    if (key === answerKey(first)) return { imageId: null, conversionId: first };
    const isOwn = Object.values(resultKeys(first)).includes(key);
    return isOwn ? { imageId: resultImageId(first), conversionId: first } : null;
  }
  const isUpload = first.startsWith("usr_") && ID.test(first) && second.startsWith("img_") && ID.test(second);
  return isUpload && objectKeys(imageKeys(first, second)).includes(key)
    ? { imageId: second, conversionId: null }
    : null;
}

function among(values: readonly (string | null)[]): SQL {
  return sql`(SELECT value FROM json_each(${JSON.stringify([...new Set(values)].filter((value) => value !== null))}))`;
}

export function createD1Orphans(db: Database): OrphanRecords {
  return {
    async cursor(name) {
      const [row] = await db.select().from(sweepCursors).where(eq(sweepCursors.name, name));
      return row?.cursor ?? null;
    },

    async keepCursor(name, cursor, now) {
      const row = { cursor, updatedAt: now };
      await db
        .insert(sweepCursors)
        .values({ name, ...row })
        .onConflictDoUpdate({ target: sweepCursors.name, set: row });
    },

    async judge(keys) {
      const known = keys.flatMap((key) => {
        const owner = ownerOf(key);
        return owner ? [{ key, ...owner }] : [];
      });
      const unknown = keys.filter((key) => ownerOf(key) === null);
      if (known.length === 0) return { orphans: [], unknown };
      const [liveImages, activeConversions] = await db.batch([
        db
          .select({ id: images.id })
          .from(images)
          .where(and(inArray(images.id, among(known.map(({ imageId }) => imageId))), isNull(images.deletedAt))),
        db
          .select({ id: conversions.id })
          .from(conversions)
          .where(and(inArray(conversions.id, among(known.map(({ conversionId }) => conversionId))), isActive)),
      ]);
      const kept = new Set([...liveImages, ...activeConversions].map(({ id }) => id));
      const orphans = known.filter(
        ({ imageId, conversionId }) => !kept.has(imageId ?? "") && !kept.has(conversionId ?? ""),
      );
      return { orphans: orphans.map(({ key }) => key), unknown };
    },
  };
}
