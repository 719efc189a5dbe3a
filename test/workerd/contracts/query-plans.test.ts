import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { bindings } from "../support/database.ts";

/** Runs `work` and gives the query plans of the statements it sent. */
async function plansOf(work: (db: Database) => Promise<unknown>): Promise<string[]> {
  const statements: { sql: string; params: unknown[] }[] = [];
  const db: Database = drizzle<Record<string, never>>(bindings.DB, {
    logger: { logQuery: (sql, params) => statements.push({ sql, params }) },
  });
  await work(db);
  const plans: string[] = [];
  for (const { sql, params } of statements) {
    const plan = await bindings.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...params)
      .all<{ detail: string }>();
    plans.push(plan.results.map((row) => row.detail).join("; "));
  }
  return plans;
}

const page = { limit: 20, afterKey: "cnv_x" };

it.each([
  ["one conversion", (db) => createD1ConversionRepository(db).find("u", "c")],
  ["a list of conversions", (db) => createD1ConversionRepository(db).list("u", { status: null, kind: null }, page)],
  ["a list by status", (db) => createD1ConversionRepository(db).list("u", { status: "queued", kind: null }, page)],
  ["a list by kind", (db) => createD1ConversionRepository(db).list("u", { status: null, kind: "style" }, page)],
  ["a user's overdue conversions", (db) => createD1ConversionRepository(db).listOverdue("u", 1, 10)],
  ["all overdue conversions", (db) => createD1ConversionRepository(db).listOverdue(null, 1, 10)],
  ["conversions to wake", (db) => createD1ConversionRepository(db).listWakes(1, 10)],
  ["a list of images", (db) => createD1ImageRepository(db).list("u", null, { limit: 20, afterKey: "img_x" })],
  ["a list of images by kind", (db) => createD1ImageRepository(db).list("u", "person", { limit: 20, afterKey: null })],
] as [string, (db: Database) => Promise<unknown>][])(
  "reads %s by an index, whatever the table's size",
  async (_what, work) => {
    const plans = await plansOf(work);
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      // The index of active conversions holds no others, so going through all of it is no scan of the table.
      expect(plan).not.toMatch(/SCAN (?!conversions USING INDEX conversions_active)/);
      expect(plan).not.toContain("TEMP B-TREE FOR ORDER BY");
    }
  },
);
