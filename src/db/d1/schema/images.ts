import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { IMAGE_MIMES } from "../../../ports/image-codec.ts";
import { users } from "./users.ts";

export const images = sqliteTable(
  "images",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    kind: text("kind", { enum: ["person", "garment", "style", "result"] }).notNull(),
    mime: text("mime", { enum: IMAGE_MIMES }).notNull(),
    bytes: integer("bytes").notNull(),
    width: integer("width").notNull(),
    height: integer("height").notNull(),
    sha256: text("sha256").notNull(),
    originalKey: text("original_key").notNull(),
    thumbnailKey: text("thumbnail_key").notNull(),
    createdAt: integer("created_at").notNull(),
    /** When retention removes it, by its owner's plan; null for never. */
    expiresAt: integer("expires_at"),
    deletedAt: integer("deleted_at"),
  },
  (t) => [
    index("images_user").on(t.userId, t.id).where(sql`${t.deletedAt} IS NULL AND ${t.kind} <> 'result'`),
    index("images_user_kind").on(t.userId, t.kind, t.id).where(sql`${t.deletedAt} IS NULL`),
    index("images_expiry").on(t.expiresAt).where(sql`${t.deletedAt} IS NULL AND ${t.expiresAt} IS NOT NULL`),
    // Deleted ones and results too: for erasing an account, and for the foreign key.
    index("images_owner").on(t.userId),
  ],
);
