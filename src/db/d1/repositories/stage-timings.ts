import { and, eq, type Placeholder, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { WORK_STAGES, type WorkStage } from "../../../modules/conversions/conversion.ts";
import type { StageTimes, StageTimings } from "../../../modules/conversions/stage-timings.ts";
import type { Database } from "../atomic.ts";
import { preparedSelect } from "../prepared.ts";
import { conversions, stageTimings } from "../schema/index.ts";

/** The weight of a new sample in the average: one in so many. */
const MEMORY = 8;

const COLUMNS: Record<WorkStage, SQLiteColumn> = {
  fetching: stageTimings.fetchingMs,
  generating: stageTimings.generatingMs,
  encoding: stageTimings.encodingMs,
  storing: stageTimings.storingMs,
};

type Row = typeof stageTimings.$inferSelect;

export function toTimes({ fetchingMs, generatingMs, encodingMs, storingMs }: Row): StageTimes {
  return { fetching: fetchingMs, generating: generatingMs, encoding: encodingMs, storing: storingMs };
}

const selectTimes = preparedSelect<{ kind: string; provider: string }, Row>(["kind", "provider"], (db, v) =>
  db
    .select()
    .from(stageTimings)
    .where(and(eq(stageTimings.kind, v.kind), eq(stageTimings.provider, v.provider))),
);

/** A conversion and how long its stages took, in milliseconds. */
type Sample = { readonly [K in WorkStage | "conversionId" | "now"]: Placeholder };

/** Makes a sample of what the conversion's kind and provider take, for the batch in which it succeeds, if it did. */
export function recordTimes(db: Database, sample: Sample, succeeded: SQL) {
  const averages = Object.fromEntries(
    WORK_STAGES.map((stage) => {
      const column = COLUMNS[stage];
      const latest = sql.raw(`excluded.${column.name}`);
      return [
        `${stage}Ms`,
        sql`CAST(round(${column} + (${latest} - ${column}) / ${sql.raw(String(MEMORY))}.0) AS INTEGER)`,
      ];
    }),
  );
  const samples = sql.join(
    WORK_STAGES.map((stage) => sql`${sample[stage]}`),
    sql`, `,
  );
  const { id, kind, providerUsed } = conversions;
  const of = sql`FROM ${conversions} WHERE ${id} = ${sample.conversionId} AND ${succeeded}`;
  return db
    .insert(stageTimings)
    .select(sql`SELECT ${kind}, ${providerUsed}, ${samples}, ${sample.now} ${of}`)
    .onConflictDoUpdate({
      target: [stageTimings.kind, stageTimings.provider],
      set: { ...averages, updatedAt: sql`excluded.updated_at` },
    });
}

export function createD1StageTimings(db: Database): StageTimings {
  return {
    async find(kind, provider) {
      const [row] = await selectTimes(db, { kind, provider });
      return row === undefined ? null : toTimes(row);
    },
  };
}
