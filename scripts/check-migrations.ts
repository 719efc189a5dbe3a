/**
 * Fails when the migrations contradict each other, when one does what the code before it can't live with, or when a
 * change of the schema has no migration yet.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { lintMigrations } from "./migration-lint.ts";

const root = join(import.meta.dirname, "..");
const migrations = join(root, "migrations/d1");

function drizzleKit(...args: string[]): void {
  const cli = join(root, "node_modules/drizzle-kit/bin.cjs");
  const result = spawnSync(process.execPath, [cli, ...args], { cwd: root, encoding: "utf8", timeout: 60_000 });
  // drizzle-kit asks on the terminal when a column could have been renamed; without one it fails, which is right here.
  if (result.status === 0) return;
  process.stderr.write(`drizzle-kit ${args[0]} failed\n${result.stdout}\n${result.stderr}\n`);
  process.exit(1);
}

const sqlFiles = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".sql"));
const contents = (name: string) => ({ name, sql: readFileSync(join(migrations, name), "utf8") });

drizzleKit("check", "--dialect", "sqlite", "--out", "migrations/d1");

for (const { migration, rule, told } of lintMigrations(sqlFiles(migrations).sort().map(contents))) {
  process.stderr.write(`${migration}: ${rule}: ${told} (scripts/migration-lint.ts)\n`);
  process.exitCode = 1;
}

// Generating into a copy shows what is missing and leaves the migrations alone. drizzle-kit wants a relative path.
mkdirSync(join(root, ".wrangler"), { recursive: true });
const copy = mkdtempSync(join(root, ".wrangler/migrations-"));
try {
  cpSync(migrations, copy, { recursive: true });
  const schema = "./src/db/d1/schema/index.ts";
  drizzleKit("generate", "--dialect", "sqlite", "--schema", schema, "--out", relative(root, copy));
  const present = new Set(sqlFiles(migrations));
  const missing = sqlFiles(copy).filter((name) => !present.has(name));
  if (missing.length > 0) {
    process.stderr.write("the schema has changes without a migration: run `npm run db:generate`\n");
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
