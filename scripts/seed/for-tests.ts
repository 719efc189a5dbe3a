/** Databases with the project's migrations, without wrangler. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Query } from "../drill/state.ts";
import { ROOT } from "../stack-env.ts";

const MIGRATIONS = join(ROOT, "migrations/d1");

/** A new database in a file, or in memory. */
export function migrated(file = ":memory:"): DatabaseSync {
  const db = new DatabaseSync(file);
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql"));
  for (const name of names.sort()) db.exec(readFileSync(join(MIGRATIONS, name), "utf8"));
  return db;
}

export function queryOf(db: DatabaseSync): Query {
  return (sql, ...values) => db.prepare(sql).all(...values) as never;
}
