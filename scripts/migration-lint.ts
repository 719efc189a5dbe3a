/**
 * What a migration may do: expand only. While a release spreads, and after it was taken back, the old code runs on the
 * new tables. Each migration is run on a real SQLite, and its tables are compared with those before it.
 */
import { DatabaseSync } from "node:sqlite";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

export type Rule =
  | "applies"
  | "no dropped table"
  | "no dropped column"
  | "no rebuilt parent"
  | "no cascade"
  | "no unguarded foreign keys"
  | "no required column"
  | "END in capitals"
  | "no CRLF";

export interface Finding {
  readonly migration: string;
  readonly rule: Rule;
  readonly told: string;
}

/** A finding that is right as it is. */
export interface Exception {
  readonly migration: string;
  readonly rule: Rule;
  readonly why: string;
}

/** A contraction goes in here, once no code that could be deployed reads what it takes away. */
const EXCEPTIONS: readonly Exception[] = [];

interface Column {
  readonly isRequired: boolean;
}

interface Table {
  readonly columns: ReadonlyMap<string, Column>;
  /** `table: on delete, on update` of each foreign key that cascades. */
  readonly cascades: ReadonlySet<string>;
  readonly parents: ReadonlySet<string>;
}

type Tables = ReadonlyMap<string, Table>;

function tablesOf(database: DatabaseSync): Tables {
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all();
  const described = names.map(({ name }) => {
    const columns = database.prepare("SELECT * FROM pragma_table_info(?)").all(String(name));
    const keys = database.prepare("SELECT * FROM pragma_foreign_key_list(?)").all(String(name));
    const cascading = keys.filter((key) => key.on_delete === "CASCADE" || key.on_update === "CASCADE");
    const table: Table = {
      columns: new Map(
        columns.map((it) => [String(it.name), { isRequired: it.notnull === 1 && it.dflt_value === null }]),
      ),
      cascades: new Set(cascading.map((key) => `${key.table}: ${key.on_delete}, ${key.on_update}`)),
      parents: new Set(keys.map((key) => String(key.table)).filter((parent) => parent !== name)),
    };
    return [String(name), table] as const;
  });
  return new Map(described);
}

type Told = Omit<Finding, "migration">;

/** Comments are gone, and what is in quotes is empty: words that are left are SQL. */
function bare(sql: string): string {
  const quoted = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/g;
  return sql.replace(quoted, (part) => (/^(--|\/\*)/.test(part) ? " " : "''"));
}

function textFindings(sql: string): Told[] {
  const findings: Told[] = [];
  const text = bare(sql);
  if (sql.includes("\r"))
    findings.push({ rule: "no CRLF", told: "lines end in CRLF, which D1 takes for part of triggers" });
  if (/\bPRAGMA\s+foreign_keys\s*[=(]\s*(OFF|0|NO|FALSE)\b/i.test(text)) {
    findings.push({
      rule: "no unguarded foreign keys",
      told: "use PRAGMA defer_foreign_keys=on: D1 ignores foreign_keys=OFF",
    });
  }
  const isTrigger = /\bCREATE\s+(TEMP\s+|TEMPORARY\s+)?TRIGGER\b/i.test(text);
  if (isTrigger && (text.match(/\bEND\b/gi) ?? []).some((word) => word !== "END")) {
    findings.push({
      rule: "END in capitals",
      told: "wrangler has swallowed what follows a trigger's `end`: write END",
    });
  }
  return findings;
}

/** A parent that is dropped takes its children's rows with it, or fails; that it comes back later doesn't help. */
function parentFindings(before: Tables, after: Tables): Told[] {
  const gone = [...before.keys()].filter((name) => !after.has(name));
  return gone.flatMap((name) => {
    const children = [...before].filter(([child, table]) => child !== name && table.parents.has(name));
    if (children.length === 0) return [];
    const told = `${name} is dropped or renamed, and referenced by ${children.map(([child]) => child).join(", ")}`;
    return [{ rule: "no rebuilt parent" as const, told }];
  });
}

function columnFindings(name: string, old: Table, table: Table): Told[] {
  const findings: Told[] = [];
  for (const column of old.columns.keys()) {
    if (table.columns.has(column)) continue;
    findings.push({ rule: "no dropped column", told: `${name}.${column} is gone, and the old code reads it` });
  }
  for (const [column, { isRequired }] of table.columns) {
    if (!isRequired || old.columns.get(column)?.isRequired) continue;
    findings.push({
      rule: "no required column",
      told: `${name}.${column} needs a default: the old code doesn't set it`,
    });
  }
  return findings;
}

function schemaFindings(before: Tables, after: Tables): Told[] {
  const findings: Told[] = [];
  for (const [name, old] of before) {
    const table = after.get(name);
    if (table !== undefined) findings.push(...columnFindings(name, old, table));
    else findings.push({ rule: "no dropped table", told: `${name} is gone, and the old code uses it` });
  }
  for (const [name, { cascades }] of after) {
    const added = [...cascades].filter((it) => !before.get(name)?.cascades.has(it));
    for (const told of added) findings.push({ rule: "no cascade", told: `${name} references ${told}` });
  }
  return findings;
}

function apply(database: DatabaseSync, sql: string): Told[] {
  const findings: Told[] = [];
  const before = tablesOf(database);
  let last = before;
  try {
    for (const statement of splitSqlQuery(sql)) {
      database.exec(statement);
      const now = tablesOf(database);
      findings.push(...parentFindings(last, now));
      last = now;
    }
  } catch (error) {
    findings.push({ rule: "applies", told: error instanceof Error ? error.message : String(error) });
  }
  return [...findings, ...schemaFindings(before, last)];
}

/** What is wrong with the migrations, which come in their order; an exception that excepts nothing is wrong, too. */
export function lintMigrations(
  migrations: readonly Migration[],
  exceptions: readonly Exception[] = EXCEPTIONS,
): Finding[] {
  const database = new DatabaseSync(":memory:");
  try {
    const found = migrations.flatMap(({ name, sql }) =>
      [...textFindings(sql), ...apply(database, sql)].map((told) => ({ migration: name, ...told })),
    );
    const isMeant = (finding: Finding, { migration, rule }: Exception) =>
      finding.migration === migration && finding.rule === rule;
    const spare = exceptions.filter((exception) => !found.some((finding) => isMeant(finding, exception)));
    return [
      ...found.filter((finding) => !exceptions.some((exception) => isMeant(finding, exception))),
      ...spare.map(({ migration, rule }) => ({ migration, rule, told: "the exception excepts nothing: remove it" })),
    ];
  } finally {
    database.close();
  }
}
