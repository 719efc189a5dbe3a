import { drizzle } from "drizzle-orm/d1";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { bindings } from "./database.ts";

interface Sent {
  readonly sql: string;
  params: readonly unknown[];
}

/** The test's database, and what is sent to it: the very statements, whoever makes them, batches included. */
function recorded(sent: Sent[]): Database {
  const { DB } = bindings;
  const prepare = (sql: string) => {
    const entry: Sent = { sql, params: [] };
    sent.push(entry);
    const statement = DB.prepare(sql);
    const bind = statement.bind.bind(statement);
    statement.bind = (...params) => {
      entry.params = params;
      return bind(...params);
    };
    return statement;
  };
  return drizzle<Record<string, never>>({ prepare, batch: DB.batch.bind(DB) } as unknown as D1Database);
}

/** As many statements as go well into one batch. */
const AT_ONCE = 50;

async function plansFor(statements: readonly Sent[]): Promise<string[]> {
  const plans: string[] = [];
  for (let at = 0; at < statements.length; at += AT_ONCE) {
    const chunk = statements.slice(at, at + AT_ONCE);
    const explained = chunk.map(({ sql, params }) => bindings.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...params));
    const results = await bindings.DB.batch<{ detail: string }>(explained);
    plans.push(...results.map((plan) => plan.results.map((row) => row.detail).join("; ")));
  }
  return plans;
}

/** Runs `work` and gives the query plans of the different statements it sent, in their order. */
export async function plansOf(work: (db: Database) => Promise<unknown>): Promise<string[]> {
  const sent: Sent[] = [];
  await work(recorded(sent));
  // Drizzle prepares some statements of a batch twice.
  const different = new Map(sent.map((statement) => [JSON.stringify(statement), statement]));
  return plansFor([...different.values()]);
}

/**
 * A table gone through. Going through what a statement was given, through parts of its own, or through an index that
 * holds active conversions only is none.
 */
export const TABLE_SCAN =
  /SCAN (?!(json_each|given|wanted|CONSTANT ROW|ready|sound|subjects|waiting)\b|\(subquery|conversions USING INDEX conversions_active\b)/;
