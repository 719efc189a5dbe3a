import { and, eq, sql } from "drizzle-orm";
import type {
  ConversionRepository,
  CreateConditions,
  CreateOutcome,
  NewConversion,
} from "../../../modules/conversions/repository.ts";
import type { Database } from "../atomic.ts";
import { bound } from "../prepared.ts";
import { conversions, images } from "../schema/index.ts";
import { isActiveAdmin } from "./account-change.ts";
import {
  activeCount,
  creation,
  creationValues,
  IMAGE_INPUTS,
  ownImage,
  replayable,
  UNITS,
} from "./conversion-creation.ts";
import { imageValues } from "./images.ts";
import { periodLimit, periodUnitsTaken } from "./quota.ts";

function referencedImages({ input }: NewConversion): string[] {
  return [...new Set(IMAGE_INPUTS.map((name) => input[name]).filter((id) => id !== null))];
}

/** Why nothing was created, looked up after the fact; null when the reason has gone in the meantime. */
async function explain(
  db: Database,
  reads: Pick<ConversionRepository, "findIdempotencyRecord">,
  conversion: NewConversion,
  conditions: CreateConditions,
): Promise<CreateOutcome | null> {
  const { userId, createdAt } = conversion;
  const { idempotency, replay, period, defaultMonthlyUnits } = conditions;
  if (replay) {
    const [holds] = await db
      .select({ admin: sql`${isActiveAdmin(replay.adminId)}`, letter: sql`${replayable(replay.deadLetterId)}` })
      .from(sql`(SELECT 1)`);
    if (holds?.admin !== 1) return { kind: "not_admin" };
    if (holds.letter !== 1) return { kind: "already_replayed" };
  }
  if (idempotency) {
    const record = await reads.findIdempotencyRecord(userId, idempotency.operation, idempotency.key, createdAt);
    if (record) return { kind: "known_key", record };
  }
  const uploaded = new Set(conditions.newImages.map((image) => image.id));
  for (const imageId of referencedImages(conversion)) {
    if (uploaded.has(imageId)) continue;
    const [found] = await db.select({ id: images.id }).from(images).where(ownImage(userId, imageId)).limit(1);
    if (!found) return { kind: "image_not_found", imageId };
  }
  const [active] = await activeCount(db, userId, createdAt);
  if ((active?.value ?? 0) >= conditions.maxConcurrent) return { kind: "concurrency_limit" };
  const [taken] = await db
    .select({
      full: sql<number>`(${periodUnitsTaken(db, userId, period)}) + ${UNITS} > ${periodLimit(userId, period, defaultMonthlyUnits)}`,
    })
    .from(sql`(SELECT 1)`);
  return taken?.full === 1 ? { kind: "quota_exceeded" } : null;
}

async function tryCreate(db: Database, conversion: NewConversion, conditions: CreateConditions): Promise<boolean> {
  const { newImages } = conditions;
  const isThere = sql`EXISTS (SELECT 1 FROM ${conversions} WHERE ${conversions.id} = ${conversion.id})`;
  const results = await db.$client.batch([
    ...newImages.map((image) => bound(db, db.insert(images).values(imageValues(image)))),
    ...creation(db, creationValues(conversion, conditions)),
    // Images must precede the conversion that refers to them; where it was refused, they go again in the same batch.
    ...newImages.map(({ id }) => bound(db, db.delete(images).where(and(eq(images.id, id), sql`NOT ${isThere}`)))),
  ]);
  return results[newImages.length]?.meta.changes === 1;
}

export function createConversionCreate(
  db: Database,
  reads: Pick<ConversionRepository, "findIdempotencyRecord">,
): Pick<ConversionRepository, "create"> {
  return {
    async create(conversion, conditions) {
      for (let round = 0; round < 3; round++) {
        if (await tryCreate(db, conversion, conditions)) return { kind: "created" };
        const refusal = await explain(db, reads, conversion, conditions);
        if (refusal) return refusal;
      }
      throw new Error("a conversion was refused again and again for reasons that had gone when looked up");
    },
  };
}
