/** What SQLite tells of its tables, as far as code depends on it. */
import type { DatabaseSync } from "node:sqlite";

export interface Column {
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  /** SQLite fills it in itself. */
  readonly isGenerated: boolean;
  /** As it is declared, in capitals. */
  readonly type: string;
}

export interface Table {
  readonly kind: "table" | "view";
  readonly columns: ReadonlyMap<string, Column>;
  /** `table: on delete, on update` of each foreign key that cascades. */
  readonly cascades: ReadonlySet<string>;
  readonly parents: ReadonlySet<string>;
  /** Columns of each key: `a, b`, or `a, b (partial)`. Upserts name them. */
  readonly uniques: ReadonlySet<string>;
  /** `a, b -> table` of each foreign key. */
  readonly references: ReadonlySet<string>;
}

export type Tables = ReadonlyMap<string, Table>;

type Row = Readonly<Record<string, unknown>>;

function rowsOf(database: DatabaseSync, pragma: string, name: string): Row[] {
  return database.prepare(`SELECT * FROM ${pragma}(?)`).all(name);
}

function uniquesOf(database: DatabaseSync, table: string, columns: readonly Row[]): ReadonlySet<string> {
  const primary = columns.filter(({ pk }) => Number(pk) > 0).sort((a, b) => Number(a.pk) - Number(b.pk));
  const indexes = rowsOf(database, "pragma_index_list", table).filter(({ unique }) => unique === 1);
  const keys = indexes.map(({ name, partial }) => {
    const named = rowsOf(database, "pragma_index_info", String(name)).map((it) => String(it.name ?? "<expression>"));
    return `${named.join(", ")}${partial === 1 ? " (partial)" : ""}`;
  });
  return new Set([...(primary.length > 0 ? [primary.map(({ name }) => String(name)).join(", ")] : []), ...keys]);
}

function referencesOf(keys: readonly Row[]): ReadonlySet<string> {
  const byKey = Map.groupBy(keys, ({ id }) => id);
  return new Set(
    [...byKey.values()].map((parts) => `${parts.map(({ from }) => from).join(", ")} -> ${parts[0]?.table}`),
  );
}

/** None of a view whose table is gone, which SQLite can't describe. */
function columnsOf(database: DatabaseSync, name: string, kind: Table["kind"]): Row[] {
  try {
    return rowsOf(database, "pragma_table_xinfo", name);
  } catch (error) {
    if (kind === "table") throw error;
    return [];
  }
}

function tableOf(database: DatabaseSync, name: string, kind: Table["kind"]): Table {
  const columns = columnsOf(database, name, kind);
  const keys = rowsOf(database, "pragma_foreign_key_list", name);
  const cascading = keys.filter((key) => key.on_delete === "CASCADE" || key.on_update === "CASCADE");
  const columnOf = (it: Row): Column => ({
    isNotNull: it.notnull === 1,
    hasDefault: it.dflt_value !== null,
    isGenerated: it.hidden !== 0,
    type: String(it.type).toUpperCase(),
  });
  return {
    kind,
    columns: new Map(columns.map((it) => [String(it.name), columnOf(it)])),
    cascades: new Set(cascading.map((key) => `${key.table}: ${key.on_delete}, ${key.on_update}`)),
    parents: new Set(keys.map((key) => String(key.table)).filter((parent) => parent !== name)),
    uniques: uniquesOf(database, name, columns),
    references: referencesOf(keys),
  };
}

export function tablesOf(database: DatabaseSync): Tables {
  const listed = database
    .prepare("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'")
    .all();
  return new Map(
    listed.map(({ name, type }) => {
      return [String(name), tableOf(database, String(name), type === "view" ? "view" : "table")] as const;
    }),
  );
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

function valueFor({ type }: Column): string {
  if (type.includes("INT")) return "1";
  if (/BLOB|REAL|FLOA|DOUB|NUM/.test(type)) return type.includes("BLOB") ? "x'00'" : "1.5";
  return "'x'";
}

/** Puts a row into each table; one that won't have it stays empty. */
export function fill(database: DatabaseSync, tables: Tables): void {
  database.exec("PRAGMA ignore_check_constraints = ON");
  for (const [name, { kind, columns }] of tables) {
    if (kind === "view") continue;
    const own = [...columns].filter(([, { isGenerated }]) => !isGenerated);
    const names = own.map(([column]) => quoted(column)).join(", ");
    const values = own.map(([, column]) => valueFor(column)).join(", ");
    try {
      database.exec(`INSERT INTO ${quoted(name)} (${names}) VALUES (${values})`);
    } catch {
      // A trigger, or a value that can't be guessed: its rows can't be watched.
    }
  }
  database.exec("PRAGMA ignore_check_constraints = OFF");
}

/** How many rows each table has. */
export function countsOf(database: DatabaseSync, tables: Tables): ReadonlyMap<string, number> {
  const bases = [...tables].filter(([, { kind }]) => kind === "table");
  return new Map(
    bases.map(([name]) => {
      const row = database.prepare(`SELECT count(*) AS rows FROM ${quoted(name)}`).get();
      return [name, Number(row?.rows)] as const;
    }),
  );
}
