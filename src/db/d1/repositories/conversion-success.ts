import { and, exists, gt, type SQL, sql } from "drizzle-orm";
import { answerKey, resultKeys } from "../../../modules/conversions/conversion.ts";
import type { Lease, StoredResult, SuccessOptions } from "../../../modules/conversions/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { type Placeholders, preparedStatements } from "../prepared.ts";
import { conversions, images, outbox } from "../schema/index.ts";
import { endedColumns, held, transitionStatements } from "./conversion-batch.ts";
import { imageValues } from "./images.ts";
import { recordTimes } from "./stage-timings.ts";

/** The worker drops the answer itself; after this long the sweeper does. */
const DROP_GRACE_MS = 60_000;

const LEASE = ["conversionId", "userId", "token"] as const;
const RESULT = ["imageId", "mime", "bytes", "width", "height", "sha256", "provider", "model", "degraded"] as const;
const ANSWER = ["answerOutboxId", "answerPayload", "answerDueAt"] as const;
const TIMES = ["fetching", "generating", "encoding", "storing"] as const;
const NAMES = [...LEASE, ...RESULT, ...ANSWER, ...TIMES, "originalKey", "thumbnailKey", "writeId", "now"] as const;
type SuccessValues = { [K in (typeof NAMES)[number]]: string | number | null };
type Slots = Placeholders<SuccessValues>;

function successValues(lease: Lease, result: StoredResult, options: SuccessOptions): SuccessValues {
  const { now, answerOutboxId, times } = options;
  const { original, thumbnail } = resultKeys(lease.conversionId);
  return {
    ...lease,
    ...result,
    degraded: result.degraded ? 1 : 0,
    answerOutboxId,
    answerPayload: JSON.stringify({ keys: [answerKey(lease.conversionId)] }),
    answerDueAt: now + DROP_GRACE_MS,
    fetching: times ? Math.round(times.fetching) : null,
    generating: times ? Math.round(times.generating) : null,
    encoding: times ? Math.round(times.encoding) : null,
    storing: times ? Math.round(times.storing) : null,
    originalKey: original,
    thumbnailKey: thumbnail,
    writeId: crypto.randomUUID(),
    now,
  };
}

/** The result is an image of its own. */
function imageInsert(db: Database, v: Slots, condition: SQL) {
  const image = {
    id: v.imageId,
    userId: v.userId,
    kind: "result" as const,
    mime: v.mime,
    bytes: v.bytes,
    width: v.width,
    height: v.height,
    sha256: v.sha256,
    originalKey: v.originalKey,
    thumbnailKey: v.thumbnailKey,
    createdAt: v.now,
  };
  return insertWhere(db, images, imageValues(image), condition).onConflictDoNothing();
}

/** Promises that the provider's answer goes, now that a result has been made of it. */
function dropAnswer(db: Database, v: Slots, done: SQL) {
  const promise = {
    id: v.answerOutboxId,
    topic: "objects.delete" as const,
    payload: v.answerPayload,
    dueAt: v.answerDueAt,
    createdAt: v.now,
  };
  return insertWhere(db, outbox, promise, done);
}

const succeeding = preparedStatements<SuccessValues>(NAMES, ["answerOutboxId", "fetching"], (db, v, given) => {
  const holds = and(held(v), gt(conversions.deadlineAt, v.now));
  const holding = exists(db.select({ one: sql`1` }).from(conversions).where(holds));
  return transitionStatements(db, v.writeId, {
    id: v.conversionId,
    before: [imageInsert(db, v, holding)],
    where: holds,
    set: {
      ...endedColumns("succeeded", v.now),
      progress: 100,
      resultImageId: v.imageId,
      providerUsed: v.provider,
      model: v.model,
      degraded: v.degraded,
      errorCode: null,
    },
    now: v.now,
    event: { type: "conversion.succeeded", cause: "result stored" },
    ledger: "committed",
    after: (done) => [
      ...(given.has("answerOutboxId") ? [dropAnswer(db, v, done)] : []),
      ...(given.has("fetching") ? [recordTimes(db, v, done)] : []),
    ],
  });
});

/** Ends a conversion with its result, in one batch. @returns false when the lease is no longer held or time is up. */
export async function recordSuccess(
  db: Database,
  lease: Lease,
  result: StoredResult,
  options: SuccessOptions,
): Promise<boolean> {
  // The image's row comes first.
  const [, ended] = await db.$client.batch(succeeding(db, successValues(lease, result, options)));
  return ended?.meta.changes === 1;
}
