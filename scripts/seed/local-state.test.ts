import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { migrated, queryOf } from "./for-tests.ts";
import { checkInvariants } from "./invariants.ts";
import { fillState, keepAlone, resetState, SeedError } from "./local-state.ts";
import type { Plan } from "./seed-database.ts";

const UNTIL = Date.UTC(2026, 10, 30, 12);
const PLAN: Plan = { seed: 1, users: 20, conversions: 200, until: UNTIL, known: [] };

let stateDir: string;
let file: string;

/** A state as miniflare lays it out, with a log that nobody has checkpointed. */
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "ai-styler-seed-"));
  const folder = join(stateDir, "v3/d1/miniflare-D1DatabaseObject");
  mkdirSync(folder, { recursive: true });
  file = join(folder, "0123.sqlite");
  migrated(file).close();
  const metadata = new DatabaseSync(join(folder, "metadata.sqlite"));
  metadata.exec("PRAGMA journal_mode = WAL; CREATE TABLE _cf_ALARM (actor_id TEXT)");
  metadata.close();
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function read<T>(look: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return look(db);
  } finally {
    db.close();
  }
}

const conversions = () => read((db) => Number(db.prepare("SELECT count(*) AS n FROM conversions").get()?.n));
const leftovers = () => readdirSync(stateDir).filter((name) => name !== "v3");

/** As workerd keeps its files while it runs. */
function openAsServer(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; SELECT * FROM sqlite_schema");
  return db;
}

it("adds to the database in place, telling how far it is, and leaves nothing else behind", async () => {
  const seen: number[] = [];
  await fillState(stateDir, PLAN, { onProgress: (progress) => seen.push(progress.conversions) });
  await fillState(stateDir, { ...PLAN, seed: 2, until: UNTIL + 1 });
  expect(conversions()).toBe(2 * PLAN.conversions);
  expect(seen.at(-1)).toBe(PLAN.conversions);
  expect(leftovers()).toEqual([]);
  const broken = read((db) => checkInvariants(queryOf(db), UNTIL)).filter(({ problems }) => problems.length > 0);
  expect(broken.map(({ name }) => name)).toEqual([]);
});

it("takes over what a server that was killed has left in its log", async () => {
  const server = openAsServer(file);
  server.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO sweep_cursors VALUES ('orphans', 'here', 1)");
  const [main, log] = [readFileSync(file), readFileSync(`${file}-wal`)];
  server.close();
  rmSync(file);
  writeFileSync(file, main);
  writeFileSync(`${file}-wal`, log);
  await fillState(stateDir, PLAN);
  expect(existsSync(`${file}-wal`)).toBe(false);
  expect(read((db) => db.prepare("SELECT cursor FROM sweep_cursors").get())).toEqual({ cursor: "here" });
});

it.each(["0123.sqlite", "metadata.sqlite"])("refuses while a server holds %s, and touches nothing", async (name) => {
  const server = openAsServer(join(stateDir, "v3/d1/miniflare-D1DatabaseObject", name));
  try {
    const before = readFileSync(file);
    await expect(fillState(stateDir, PLAN)).rejects.toThrow(/is in use: stop `npm run dev`/);
    expect(() => resetState(stateDir)).toThrow(SeedError);
    expect(readFileSync(file).equals(before)).toBe(true);
  } finally {
    server.close();
  }
});

it("keeps servers away while it works", async () => {
  let refused = 0;
  const onProgress = () => {
    try {
      keepAlone(stateDir).release();
    } catch {
      refused += 1;
    }
  };
  await fillState(stateDir, PLAN, { onProgress });
  expect(refused).toBeGreaterThan(0);
  keepAlone(stateDir).release();
});

it("is all or nothing: interrupted, the database is as it was", async () => {
  const before = readFileSync(file);
  const abort = new AbortController();
  const onProgress = () => abort.abort(new Error("interrupted"));
  await expect(fillState(stateDir, PLAN, { onProgress, signal: abort.signal })).rejects.toThrow("interrupted");
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(leftovers()).toEqual([]);
});

it("cleans up after one that was killed", async () => {
  mkdirSync(join(stateDir, "seeding-killed"));
  await fillState(stateDir, PLAN);
  expect(leftovers()).toEqual([]);
});

it("says so where there is no database", async () => {
  resetState(stateDir);
  await expect(fillState(stateDir, PLAN)).rejects.toThrow(/should hold one database and holds 0/);
});
