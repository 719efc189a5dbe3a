import { and, asc, desc, eq, getTableColumns, gt, isNull, lt, lte, type SQL, sql } from "drizzle-orm";
import { type Page, type PageRequest, toPage } from "../../../kernel/page.ts";
import type { Conversion } from "../../../modules/conversions/conversion.ts";
import type { ConversionRepository, IdempotencyRecord } from "../../../modules/conversions/repository.ts";
import type { Database } from "../atomic.ts";
import { preparedSelect } from "../prepared.ts";
import { conversions, idempotencyRecords, images, quotaLedger } from "../schema/index.ts";

type Reads = Pick<
  ConversionRepository,
  "find" | "list" | "inspect" | "findIdempotencyRecord" | "listOverdue" | "listWakes" | "queuePositions"
>;

/** Spelled out, since SQLite can't match bound values with the condition of a partial index. */
export const isActive = sql`${conversions.status} IN ('queued', 'processing')`;

const { lease: _lease, wakeAt: _wakeAt, writeId: _writeId, ...shown } = getTableColumns(conversions);
const { units, state, period } = quotaLedger;
const { id, mime, bytes, width, height, sha256, expiresAt } = images;

/** No more columns than are used: D1 answers in JSON, names and all. */
export const CONVERSION_COLUMNS = {
  row: shown,
  ledger: { units, state, period },
  image: { id, mime, bytes, width, height, sha256, expiresAt },
};

function selectConversions(db: Database) {
  return db
    .select(CONVERSION_COLUMNS)
    .from(conversions)
    .innerJoin(quotaLedger, eq(quotaLedger.conversionId, conversions.id))
    .leftJoin(images, and(eq(images.id, conversions.resultImageId), isNull(images.deletedAt)));
}

type Selected = Awaited<ReturnType<typeof selectConversions>>[number];

export function toConversion({ row, ledger, image }: Selected): Conversion {
  return {
    id: row.id,
    userId: row.userId,
    input: {
      kind: row.kind,
      personImageId: row.personImageId,
      garmentImageId: row.garmentImageId,
      category: row.category,
      styleImageId: row.styleImageId,
      stylePreset: row.stylePreset,
      prompt: row.prompt,
      seed: row.seed,
      outputMime: row.outputFormat,
      providerRequested: row.providerRequested,
      fallback: row.fallback,
    },
    status: row.status,
    stage: row.stage,
    progress: row.progress,
    providerUsed: row.providerUsed,
    model: row.model,
    degraded: row.degraded,
    attempt: row.attempt,
    notBefore: row.notBefore,
    result: image && {
      imageId: image.id,
      mime: image.mime,
      bytes: image.bytes,
      width: image.width,
      height: image.height,
      sha256: image.sha256,
    },
    errorCode: row.errorCode,
    lastFailure: row.lastFailure,
    dataRemoved: row.dataRemoved,
    expiresAt: image?.expiresAt ?? null,
    usage: { units: ledger.units, state: ledger.state, period: ledger.period },
    title: row.title,
    metadata: row.metadata,
    favorite: row.favorite,
    retryOf: row.retryOf,
    origin: row.origin,
    version: row.version,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    completedAt: row.completedAt,
    deadlineAt: row.deadlineAt,
    updatedAt: row.updatedAt,
  };
}

/** A conversion by any condition, with what the port does not show to everybody. */
export async function selectOne(db: Database, condition: SQL | undefined) {
  const [selected] = await selectConversions(db).where(condition).limit(1);
  return selected ? withDetail(selected) : null;
}

function withDetail(selected: Selected) {
  const { leaseUntil, deletedAt } = selected.row;
  return { ...toConversion(selected), leaseUntil, deleted: deletedAt !== null };
}

const selectOwn = preparedSelect<{ userId: string; id: string }, Selected>(["userId", "id"], (db, { userId, id }) =>
  selectConversions(db)
    .where(and(eq(conversions.id, id), eq(conversions.userId, userId), isNull(conversions.deletedAt)))
    .limit(1),
);

type PageValues = {
  userId: string;
  status: string | null;
  kind: string | null;
  afterKey: string | null;
  limit: number;
};

const selectPage = preparedSelect<PageValues, Selected>(
  ["userId", "status", "kind", "afterKey", "limit"],
  (db, values, given) =>
    selectConversions(db)
      .where(
        and(
          eq(conversions.userId, values.userId),
          isNull(conversions.deletedAt),
          given.has("status") ? eq(conversions.status, values.status) : undefined,
          given.has("kind") ? eq(conversions.kind, values.kind) : undefined,
          given.has("afterKey") ? lt(conversions.id, values.afterKey) : undefined,
        ),
      )
      .orderBy(desc(conversions.id))
      .limit(values.limit),
);

export function createConversionReads(db: Database): Reads {
  return {
    async find(userId, id) {
      const [selected] = await selectOwn(db, { userId, id });
      return selected ? withDetail(selected) : null;
    },

    async list(userId, { status, kind }, page: PageRequest): Promise<Page<Conversion>> {
      const rows = await selectPage(db, { userId, status, kind, afterKey: page.afterKey, limit: page.limit + 1 });
      return toPage(rows.map(toConversion), page.limit, (conversion) => conversion.id);
    },

    inspect: (id) => selectOne(db, eq(conversions.id, id)),

    async findIdempotencyRecord(userId, operation, key, now): Promise<IdempotencyRecord | null> {
      const [record] = await db
        .select()
        .from(idempotencyRecords)
        .where(
          and(
            eq(idempotencyRecords.userId, userId),
            eq(idempotencyRecords.operation, operation),
            eq(idempotencyRecords.key, key),
            gt(idempotencyRecords.expiresAt, now),
          ),
        );
      return record ?? null;
    },

    async listOverdue(userId, now, limit) {
      const rows = await db
        .select({ id: conversions.id })
        .from(conversions)
        .where(
          and(
            isActive,
            lte(conversions.deadlineAt, now),
            userId === null ? undefined : and(eq(conversions.userId, userId), isNull(conversions.deletedAt)),
          ),
        )
        .limit(limit);
      return rows.map((row) => row.id);
    },

    async queuePositions(ids, max) {
      if (ids.length === 0) return new Map();
      const rows = await db.all<{ id: string; position: number }>(sql`
        SELECT mine.id, (SELECT count(*) FROM (
          SELECT 1 FROM ${conversions} AS other WHERE other.status = 'queued' AND other.id < mine.id LIMIT ${max}
        )) AS position
        FROM json_each(${JSON.stringify(ids)}) AS wanted
        JOIN ${conversions} AS mine ON mine.id = wanted.value AND mine.status = 'queued'`);
      return new Map(rows.map(({ id, position }) => [id, position]));
    },

    listWakes: (before, limit) =>
      db
        .select({ id: conversions.id, wakeAt: conversions.wakeAt, origin: conversions.origin })
        .from(conversions)
        .where(and(isActive, lte(conversions.wakeAt, before)))
        .orderBy(asc(conversions.wakeAt))
        .limit(limit),
  };
}
