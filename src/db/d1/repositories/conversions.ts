import { and, eq } from "drizzle-orm";
import type { ConversionRepository } from "../../../modules/conversions/repository.ts";
import type { Database } from "../atomic.ts";
import { idempotencyRecords } from "../schema/index.ts";
import { createConversionCreate } from "./conversion-create.ts";
import { createConversionReads } from "./conversion-reads.ts";
import { createConversionTransitions } from "./conversion-transitions.ts";

/** The conversion port on D1: every write is one batch of conditional statements, since D1 has no interactive transactions. */
export function createD1ConversionRepository(db: Database): ConversionRepository {
  const reads = createConversionReads(db);
  return {
    ...reads,
    ...createConversionCreate(db, reads),
    ...createConversionTransitions(db),
    async answerIdempotencyKey(userId, operation, key, answer) {
      await db
        .update(idempotencyRecords)
        .set({ status: answer.status, body: answer.body, lockedUntil: 0 })
        .where(
          and(
            eq(idempotencyRecords.userId, userId),
            eq(idempotencyRecords.operation, operation),
            eq(idempotencyRecords.key, key),
          ),
        );
    },
  };
}
