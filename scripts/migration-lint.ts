/**
 * What a migration may do: expand only. While a release spreads, and after it was taken back, the old code runs on the
 * new tables. Each migration is run on a real SQLite, and its tables are compared with those before it.
 */
import { DatabaseSync } from "node:sqlite";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";
import { countsOf, fill, type Table, type Tables, tablesOf } from "./migration-lint-tables.ts";

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
  | "no lost key"
  | "no new constraint"
  | "no deleted rows"
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
const EXCEPTIONS: readonly Exception[] = [
  { migration: "0004_erasure-indexes.sql", rule: "no lost key", why: "no insert names the key of the audit's chain" },
  { migration: "0004_erasure-indexes.sql", rule: "no new constraint", why: "the same key, of fewer rows than before" },
];

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
  if (/\bPRAGMA\s+(?:\w+\s*\.\s*)?foreign_keys\s*[=(](?!\s*(?:ON|1|YES|TRUE)\b)/i.test(text)) {
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
  for (const [column, { isNotNull, hasDefault, isGenerated }] of table.columns) {
    const before = old.columns.get(column);
    if (!isNotNull || isGenerated) continue;
    if (!hasDefault && (before === undefined || before.hasDefault)) {
      const told = `${name}.${column} needs a default: the old code doesn't set it`;
      findings.push({ rule: "no required column", told });
    } else if (before?.isNotNull === false) {
      findings.push({ rule: "no required column", told: `${name}.${column} was nullable: the old code may set null` });
    }
  }
  return findings;
}

/** Keys that upserts of the old code name, and what it could write before and can't any more. */
function keyFindings(name: string, old: Table, table: Table): Told[] {
  const isOfOld = (columns: string) =>
    columns.split(", ").every((column) => column === "<expression>" || old.columns.has(column));
  const added = (before: ReadonlySet<string>, after: ReadonlySet<string>) =>
    [...after].filter((it) => !before.has(it) && isOfOld(it.replace(/ -> .*| \(partial\)$/, "")));
  const lost = [...old.uniques].filter((it) => !table.uniques.has(it));
  return [
    ...lost.map((it) => ({ rule: "no lost key" as const, told: `${name} has no key of ${it} any more` })),
    ...[...added(old.uniques, table.uniques), ...added(old.references, table.references)].map((it) => {
      const told = `${name} gets the key ${it}: rows that are there, or that the old code writes, may break it`;
      return { rule: "no new constraint" as const, told };
    }),
  ];
}

function schemaFindings(before: Tables, after: Tables): Told[] {
  const findings: Told[] = [];
  for (const [name, old] of before) {
    const table = after.get(name);
    if (table?.kind === old.kind) findings.push(...columnFindings(name, old, table), ...keyFindings(name, old, table));
    else findings.push({ rule: "no dropped table", told: `${name} is gone, and the old code uses it` });
  }
  for (const [name, { cascades }] of after) {
    const added = [...cascades].filter((it) => !before.get(name)?.cascades.has(it));
    for (const told of added) findings.push({ rule: "no cascade", told: `${name} references ${told}` });
  }
  return findings;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** On tables that hold something, where SQLite refuses columns that it adds to empty ones; all of it is undone. */
function rowFindings(database: DatabaseSync, statements: readonly string[], tables: Tables): Told[] {
  const findings: Told[] = statements
    .map((statement) => bare(statement).trim())
    .filter((statement) => /^(?:DELETE|REPLACE)\b|^WITH\b.*\bDELETE\s+FROM\b/is.test(statement))
    .map((statement) => ({ rule: "no deleted rows", told: `data is lost: ${statement.slice(0, 100)}` }));
  database.exec("BEGIN; PRAGMA defer_foreign_keys = ON");
  try {
    fill(database, tables);
    const before = countsOf(database, tables);
    for (const statement of statements) database.exec(statement);
    const after = countsOf(database, new Map([...tablesOf(database)].filter(([name]) => tables.has(name))));
    const fewer = [...after].filter(([name, rows]) => rows < (before.get(name) ?? 0));
    if (findings.length === 0)
      findings.push(...fewer.map(([name]) => ({ rule: "no deleted rows" as const, told: `${name} loses its rows` })));
  } catch (error) {
    // What else fails does so for the rows that were made up.
    if (/^Cannot add a/.test(messageOf(error))) findings.push({ rule: "applies", told: messageOf(error) });
  } finally {
    database.exec("ROLLBACK");
  }
  return findings;
}

function apply(database: DatabaseSync, sql: string): Told[] {
  const before = tablesOf(database);
  let last = before;
  const findings: Told[] = [];
  try {
    const statements = splitSqlQuery(sql);
    findings.push(...rowFindings(database, statements, before));
    for (const statement of statements) {
      database.exec(statement);
      const now = tablesOf(database);
      findings.push(...parentFindings(last, now));
      last = now;
    }
  } catch (error) {
    findings.push({ rule: "applies", told: messageOf(error) });
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
