import { env } from "cloudflare:workers";
import { asc, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1OutboxRepository } from "../../../src/db/d1/repositories/outbox.ts";
import { createD1QuotaRepository } from "../../../src/db/d1/repositories/quota.ts";
import { conversionEvents, conversions, images, users } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { DatabaseUnderTest } from "../../contracts/conversion-repository.ts";

export const bindings = env as unknown as TestEnv;
export const db = drizzle(bindings.DB);

let phones = 0;

/** A user row with nothing behind it. */
export async function insertUser(): Promise<string> {
  const now = Date.now();
  const id = newId("usr", now);
  phones += 1;
  await db.insert(users).values({
    id,
    phone: `+98999${String(phones).padStart(4, "0")}${Math.floor(Math.random() * 1000)}`,
    role: "user",
    status: "active",
    planId: "free",
    passwordHash: "",
    createdAt: now,
    updatedAt: now,
  });
  return id;
}

/** An image row without objects behind it. */
export async function insertImage(userId: string, change: Partial<typeof images.$inferInsert> = {}): Promise<string> {
  const id = newId("img", Date.now());
  await db.insert(images).values({
    id,
    userId,
    kind: "person",
    mime: "image/png",
    bytes: 1,
    width: 64,
    height: 64,
    sha256: "00",
    originalKey: `images/${userId}/${id}/original`,
    thumbnailKey: `images/${userId}/${id}/thumbnail`,
    createdAt: Date.now(),
    ...change,
  });
  return id;
}

export const d1: DatabaseUnderTest = {
  conversions: createD1ConversionRepository(db),
  quota: createD1QuotaRepository(db),
  outbox: createD1OutboxRepository(db),
  newUser: insertUser,
  newImage: insertImage,
  eventsOf: (conversionId) =>
    db
      .select({
        version: conversionEvents.version,
        type: conversionEvents.type,
        status: conversionEvents.status,
        cause: conversionEvents.cause,
      })
      .from(conversionEvents)
      .where(eq(conversionEvents.conversionId, conversionId))
      .orderBy(asc(conversionEvents.version)),
  async countRows(table, userId) {
    const source = table === "conversions" ? conversions : images;
    const [row] = await db.select({ n: sql<number>`count(*)` }).from(source).where(eq(source.userId, userId));
    return row?.n ?? 0;
  },
};
