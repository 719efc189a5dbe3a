import { and, eq, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { WORK_STAGES, type WorkStage } from "../../../modules/conversions/conversion.ts";
import type { StageTimings } from "../../../modules/conversions/stage-timings.ts";
import type { Database } from "../atomic.ts";
import { stageTimings } from "../schema/index.ts";

/** The weight of a new sample in the average: one in so many. */
const MEMORY = 8;

const COLUMNS: Record<WorkStage, SQLiteColumn> = {
  fetching: stageTimings.fetchingMs,
  generating: stageTimings.generatingMs,
  encoding: stageTimings.encodingMs,
  storing: stageTimings.storingMs,
};

export function createD1StageTimings(db: Database): StageTimings {
  return {
    async find(kind, provider) {
      const key = and(eq(stageTimings.kind, kind), eq(stageTimings.provider, provider));
      const [row] = await db.select().from(stageTimings).where(key);
      if (!row) return null;
      const { fetchingMs, generatingMs, encodingMs, storingMs } = row;
      return { fetching: fetchingMs, generating: generatingMs, encoding: encodingMs, storing: storingMs };
    },

    async record(kind, provider, times, now) {
      const ms = Object.fromEntries(WORK_STAGES.map((stage) => [`${stage}Ms`, Math.round(times[stage])]));
      const averages = Object.fromEntries(
        WORK_STAGES.map((stage) => {
          const column = COLUMNS[stage];
          const sample = sql.raw(`excluded.${column.name}`);
          return [
            `${stage}Ms`,
            sql`CAST(round(${column} + (${sample} - ${column}) / ${sql.raw(String(MEMORY))}.0) AS INTEGER)`,
          ];
        }),
      );
      const row = { kind, provider, ...ms, updatedAt: now } as typeof stageTimings.$inferInsert;
      await db
        .insert(stageTimings)
        .values(row)
        .onConflictDoUpdate({
          target: [stageTimings.kind, stageTimings.provider],
          set: { ...averages, updatedAt: now },
        });
    },
  };
}
