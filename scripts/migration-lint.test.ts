import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Exception, lintMigrations } from "./migration-lint.ts";

const FOLDER = join(import.meta.dirname, "../migrations/d1");

const BASE = `
CREATE TABLE \`parents\` (\`id\` text PRIMARY KEY NOT NULL, \`name\` text);--> statement-breakpoint
CREATE TABLE \`children\` (
  \`id\` text PRIMARY KEY NOT NULL,
  \`parent_id\` text NOT NULL,
  FOREIGN KEY (\`parent_id\`) REFERENCES \`parents\`(\`id\`) ON UPDATE no action ON DELETE no action
);--> statement-breakpoint
CREATE TABLE \`alone\` (\`id\` text PRIMARY KEY NOT NULL, \`note\` text);
CREATE TABLE \`coded\` (\`id\` integer PRIMARY KEY AUTOINCREMENT NOT NULL, \`code\` text NOT NULL, \`data\` text);
CREATE UNIQUE INDEX by_code ON coded (code);
CREATE VIEW codes AS SELECT code FROM coded;
`;

/** Rules that a migration after {@link BASE} breaks. */
function broken(sql: string, exceptions: readonly Exception[] = []): string[] {
  const findings = lintMigrations(
    [
      { name: "0000", sql: BASE },
      { name: "0001", sql },
    ],
    exceptions,
  );
  for (const { migration } of findings) expect(migration).toBe("0001");
  return [...new Set(findings.map(({ rule }) => rule))];
}

const rebuild = (table: string, columns: string, copied: string) => `
CREATE TABLE \`__new_${table}\` (${columns});--> statement-breakpoint
INSERT INTO \`__new_${table}\` (${copied}) SELECT ${copied} FROM \`${table}\`;--> statement-breakpoint
DROP TABLE \`${table}\`;--> statement-breakpoint
ALTER TABLE \`__new_${table}\` RENAME TO \`${table}\`;
`;

describe("a migration that the old code can't live with is refused", () => {
  it.each([
    ["drops a table", "DROP TABLE alone;", ["no dropped table"]],
    ["drops a table that others reference", "drop table `parents`;", ["no rebuilt parent", "no dropped table"]],
    ["renames a table", "ALTER TABLE alone RENAME TO lonely;", ["no dropped table"]],
    ["drops a column", "ALTER TABLE alone DROP COLUMN note;", ["no dropped column"]],
    ["renames a column", 'ALTER TABLE "alone" RENAME COLUMN note TO notes;', ["no dropped column"]],
    ["renames a column, and says no more", "ALTER TABLE alone RENAME note TO notes;", ["no dropped column"]],
    [
      "rebuilds a parent",
      rebuild("parents", "id text PRIMARY KEY NOT NULL, name text", "id, name"),
      ["no rebuilt parent"],
    ],
    ["loses a column in a rebuild", rebuild("alone", "id text PRIMARY KEY NOT NULL", "id"), ["no dropped column"]],
    [
      "makes a column required in a rebuild",
      rebuild("alone", "id text PRIMARY KEY NOT NULL, note text NOT NULL", "id, note"),
      ["no required column"],
    ],
    ["adds a column that is required", "ALTER TABLE alone ADD must text NOT NULL;", ["applies", "no required column"]],
    [
      "deletes children with their parent",
      "CREATE TABLE pets (id text, owner text REFERENCES parents(id) ON DELETE CASCADE);",
      ["no cascade"],
    ],
    [
      "renames children with their parent",
      "CREATE TABLE pets (id text, owner text, FOREIGN KEY (owner) REFERENCES parents(id) on update cascade);",
      ["no cascade"],
    ],
    ["switches foreign keys off", "PRAGMA foreign_keys=OFF;", ["no unguarded foreign keys"]],
    ["switches them off in other words", "pragma foreign_keys ( 0 );", ["no unguarded foreign keys"]],
    [
      "ends a trigger in small letters",
      "CREATE TRIGGER t AFTER DELETE ON alone BEGIN SELECT 1; end;",
      ["END in capitals"],
    ],
    ["has lines of Windows", "CREATE TABLE more (id text);\r\n", ["no CRLF"]],
    [
      "makes a column required that was nullable, though it has a default",
      rebuild("alone", "id text PRIMARY KEY NOT NULL, note text DEFAULT '' NOT NULL", "id, note"),
      ["no required column"],
    ],
    [
      "adds a column that only an empty table takes",
      "ALTER TABLE alone ADD at text DEFAULT CURRENT_TIMESTAMP;",
      ["applies"],
    ],
    ["adds a default of nothing", "ALTER TABLE alone ADD must text NOT NULL DEFAULT NULL;", ["applies"]],
    ["drops the key of an upsert", "DROP INDEX by_code;", ["no lost key"]],
    [
      "loses the primary key in a rebuild",
      rebuild("alone", "id text NOT NULL, note text", "id, note"),
      ["no lost key"],
    ],
    ["makes what is there unique", "CREATE UNIQUE INDEX a ON alone (note);", ["no new constraint"]],
    [
      "references from a column that is there",
      rebuild("alone", "id text PRIMARY KEY NOT NULL, note text REFERENCES parents(id)", "id, note"),
      ["no new constraint"],
    ],
    ["deletes rows", "/* old */ DELETE FROM alone WHERE note IS NULL;", ["no deleted rows"]],
    ["deletes rows in a roundabout way", "WITH old AS (SELECT 1) DELETE FROM alone;", ["no deleted rows"]],
    [
      "rebuilds a table, and forgets its rows",
      "CREATE TABLE n (id text PRIMARY KEY NOT NULL, note text); DROP TABLE alone; ALTER TABLE n RENAME TO alone;",
      ["no deleted rows"],
    ],
    [
      "puts a view in a table's place",
      "DROP TABLE alone; CREATE VIEW alone AS SELECT 1 AS id, 2 AS note;",
      ["no dropped table"],
    ],
    ["drops a view", "DROP VIEW codes;", ["no dropped table"]],
    ["drops the table of a view", "DROP TABLE coded;", ["no dropped table", "no dropped column"]],
    ["loses a column of a view", "DROP VIEW codes; CREATE VIEW codes AS SELECT 1 AS other;", ["no dropped column"]],
    [
      "switches foreign keys off by another spelling",
      "PRAGMA main.foreign_keys = 'off';",
      ["no unguarded foreign keys"],
    ],
    ["is no SQL", "CREATE TABEL more (id text);", ["applies"]],
  ])("one that %s", (_, sql, rules) => {
    expect(broken(sql)).toEqual(rules);
  });

  it("even where an index or a comment stands between", () => {
    const sql = `-- END of it
CREATE INDEX a ON alone (note);--> statement-breakpoint
/* DROP */ DROP /* it */ TABLE alone;`;
    expect(broken(sql)).toEqual(["no dropped table"]);
  });
});

describe("a migration that only adds is fine", () => {
  it.each([
    ["a table with required columns", "CREATE TABLE more (id text PRIMARY KEY NOT NULL, must text NOT NULL);"],
    ["a column that may be missing", "ALTER TABLE alone ADD more text;"],
    ["a required column with a default", "ALTER TABLE alone ADD more integer DEFAULT 0 NOT NULL;"],
    ["an index in place of another", "CREATE INDEX a ON alone (note); DROP INDEX a; CREATE INDEX a ON alone (id);"],
    ["a trigger", "CREATE TRIGGER t AFTER DELETE ON alone BEGIN SELECT CASE WHEN 1 THEN 2 END; END;"],
    [
      "a rebuild that keeps all, of a table that nobody references",
      rebuild("alone", "id text PRIMARY KEY NOT NULL, note text, more text", "id, note"),
    ],
    [
      "words that are no SQL",
      "INSERT INTO alone VALUES ('PRAGMA foreign_keys=OFF; end', 'DROP TABLE alone'); -- CASCADE end",
    ],
    ["a key of new columns", "ALTER TABLE alone ADD more text; CREATE UNIQUE INDEX a ON alone (more);"],
    ["a reference from a new column", "ALTER TABLE alone ADD owner text REFERENCES parents(id);"],
    ["a generated column", "ALTER TABLE alone ADD size integer GENERATED ALWAYS AS (length(note)) VIRTUAL NOT NULL;"],
    ["a view with more columns", "DROP VIEW codes; CREATE VIEW codes AS SELECT code, id FROM coded;"],
    [
      "a backfill that can't read what the rows are made up of",
      "UPDATE coded SET code = json_extract(data, '$.code');",
    ],
    ["foreign keys switched on", "PRAGMA foreign_keys = ON;"],
    ["deferred foreign keys", "PRAGMA defer_foreign_keys=on;"],
  ])("%s", (_, sql) => {
    expect(broken(sql)).toEqual([]);
  });
});

describe("an exception", () => {
  const exception: Exception = { migration: "0001", rule: "no dropped table", why: "nothing has read it for a month" };

  it("lets through the one finding it is for", () => {
    expect(broken("DROP TABLE alone; PRAGMA foreign_keys=OFF;", [exception])).toEqual(["no unguarded foreign keys"]);
  });

  it("that excepts nothing is refused", () => {
    expect(broken("SELECT 1;", [exception])).toEqual(["no dropped table"]);
  });
});

it("the migrations that have landed pass as they are", () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".sql"));
  const migrations = names.sort().map((name) => ({ name, sql: readFileSync(join(FOLDER, name), "utf8") }));
  expect(migrations.length).toBeGreaterThan(8);
  expect(lintMigrations(migrations)).toEqual([]);
});
