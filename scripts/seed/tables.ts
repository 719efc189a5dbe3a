/** Writing whole rows of the project's tables with Node's SQLite. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { getTableColumns, getTableName } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

/** Inserts rows as drizzle would; what is missing is the column's default or NULL. */
export type Insert<T extends SQLiteTable> = (row: T["$inferInsert"]) => void;

export function inserter<T extends SQLiteTable>(db: DatabaseSync, table: T): Insert<T> {
  const columns = Object.entries(getTableColumns(table));
  const names = columns.map(([, { name }]) => `"${name}"`).join(", ");
  const statement = db.prepare(
    `INSERT INTO "${getTableName(table)}" (${names}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  return (row) => {
    const given = row as Record<string, unknown>;
    const values: SQLInputValue[] = [];
    for (const [key, column] of columns) {
      const value = given[key] ?? column.default ?? null;
      values.push(value === null ? null : (column.mapToDriverValue(value) as SQLInputValue));
    }
    statement.run(...values);
  };
}
