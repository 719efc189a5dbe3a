import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { createD1AuditRepository } from "../../../src/db/d1/repositories/audit.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { bindings } from "../support/database.ts";

/** Runs `work` and gives the query plans of the statements it sent. */
async function plansOf(work: (db: Database) => Promise<unknown>): Promise<string[]> {
  const statements: { sql: string; params: unknown[] }[] = [];
  const db: Database = drizzle<Record<string, never>>(bindings.DB, {
    logger: { logQuery: (sql, params) => statements.push({ sql, params }) },
  });
  // Drizzle doesn't log what goes in a batch.
  Object.assign(db, { batch: (statements: readonly Promise<unknown>[]) => Promise.all(statements) });
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
  [
    "a subject's audit log",
    (db) => createD1AuditRepository(db).list({ subjectId: "u" }, { limit: 20, afterKey: null }),
  ],
  ["subjects to link", (db) => createD1AuditRepository(db).listUnlinked(10)],
  ["the end of a chain", (db) => createD1AuditRepository(db).tail("u", 10)],
  ["a chain", (db) => createD1AuditRepository(db).chain("u", null, 10)],
  ["events outside of a chain", (db) => createD1AuditRepository(db).unlinked("u", "", 10)],
] as [string, (db: Database) => Promise<unknown>][])(
  "reads %s by an index, whatever the table's size",
  async (_what, work) => {
    const plans = await plansOf(work);
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      // These indexes hold active conversions and unlinked events only: going through one is no scan of the table.
      expect(plan).not.toMatch(
        /SCAN (?!conversions USING INDEX conversions_active|audit_log USING INDEX audit_log_unlinked)/,
      );
      expect(plan).not.toContain("TEMP B-TREE FOR ORDER BY");
    }
  },
);

it("searches the audit log by the index of the narrowest filter, in its order, whatever the others are", async () => {
  const filters = { subjectId: "u", actorId: "a", action: "auth.login", outcome: "failure", from: 1, to: 2 } as const;
  const names = Object.keys(filters) as (keyof typeof filters)[];
  const indexes = { subjectId: "audit_log_user", actorId: "audit_log_actor", action: "audit_log_action" } as const;
  for (let set = 0; set < 2 ** names.length; set++) {
    const chosen = names.filter((_, i) => set & (1 << i));
    const filter = Object.fromEntries(chosen.map((name) => [name, filters[name]]));
    const first = (["subjectId", "actorId", "action"] as const).find((name) => chosen.includes(name));
    const index = first === undefined ? "sqlite_autoindex_audit_log_1" : indexes[first];
    for (const afterKey of [null, "aud_x"]) {
      const plans = await plansOf((db) => createD1AuditRepository(db).list(filter, { limit: 20, afterKey }));
      expect(plans, chosen.join()).toEqual([
        expect.stringMatching(new RegExp(`^SEARCH audit_log USING INDEX ${index} `)),
      ]);
      expect(plans[0]).not.toContain("TEMP B-TREE");
    }
  }
});
