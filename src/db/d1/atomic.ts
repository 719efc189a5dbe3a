import { getTableColumns, is, Placeholder, SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

export type Database = DrizzleD1Database & { readonly $client: D1Database };

/** A value, or what stands for it in a statement that is built once. */
export type Value<T> = T | SQLWrapper;

/**
 * `INSERT … SELECT … WHERE condition`: one guarded insert, for use in a batch. Missing values are the
 * column's default, or NULL. The result's `meta.changes` is 1 when the row went in and 0 when the condition kept it out.
 */
export function insertWhere<T extends SQLiteTable>(
  db: Database,
  table: T,
  values: { readonly [K in keyof T["$inferInsert"]]: T["$inferInsert"][K] | SQL | Placeholder },
  condition: SQL,
) {
  const given = values as Record<string, unknown>;
  const row = Object.entries(getTableColumns(table)).map(([key, column]) => {
    const value = given[key] === undefined ? column.default : given[key];
    if (is(value, SQL) || is(value, Placeholder)) return value;
    return value === undefined || value === null ? sql`NULL` : sql`${sql.param(value, column)}`;
  });
  return db.insert(table).select(sql`SELECT ${sql.join(row, sql`, `)} WHERE ${condition}`);
}
