/** The local database as miniflare keeps it: found, kept from others, and replaced by a fuller one in one step. */
import { execFile } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { ROOT, wranglerEnvironment } from "../stack-env.ts";
import { beginQuickLoad } from "./quick-load.ts";
import { type Plan, type Progress, seedDatabase } from "./seed-database.ts";

const CLI = join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js");
const DATABASES = "v3/d1/miniflare-D1DatabaseObject";
/** Held by workerd as long as it runs; a database's own file is let go of when nobody has asked for a while. */
const METADATA = "metadata.sqlite";
const WORKING_COPY = "seeding-";
const CACHE_KIB = 500_000;
/** From here on it is faster to build indexes anew than to keep them right, where most rows are new. */
const WORTH_DEFERRING = 20_000;

/** Something a person has to do, or to choose otherwise. */
export class SeedError extends Error {
  override readonly name = "SeedError";
}

/** Brings the local database up to date, and into being. */
export async function migrate(stateDir: string): Promise<void> {
  const where = ["--local", "--persist-to", stateDir, "-c", join(ROOT, "wrangler.toml")];
  const options = { cwd: ROOT, env: wranglerEnvironment(stateDir, {}), maxBuffer: 2 ** 26 };
  try {
    await promisify(execFile)(
      process.execPath,
      ["--no-warnings", CLI, "d1", "migrations", "apply", "DB", ...where],
      options,
    );
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new SeedError(`the database migrations failed:\n${stdout}${stderr}`.trim(), { cause: error });
  }
}

/** A database file that nobody else has open, and that nobody can open until it is closed. */
function openAlone(file: string, stateDir: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return db;
  } catch (error) {
    db.close();
    if (!/locked|busy/i.test((error as Error).message)) throw error;
    throw new SeedError(
      `the state in ${stateDir} is in use: stop \`npm run dev\`, or whatever else runs on it, and try again`,
      { cause: error },
    );
  }
}

/** Keeps every server away from a state's databases until it is released. @throws {SeedError} when one is running. */
export function keepAlone(stateDir: string): { readonly release: () => void } {
  const folder = join(stateDir, DATABASES);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".sqlite")) : [];
  const held: DatabaseSync[] = [];
  const release = () => {
    for (const db of held.splice(0)) db.close();
  };
  try {
    for (const name of files) held.push(openAlone(join(folder, name), stateDir));
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/** Removes all local state: databases, objects and Durable Objects. @throws {SeedError} when somebody uses it. */
export function resetState(stateDir: string): void {
  keepAlone(stateDir).release();
  rmSync(join(stateDir, "v3"), { recursive: true, force: true });
}

function databaseFile(stateDir: string): string {
  const folder = join(stateDir, DATABASES);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const [name, ...others] = names.filter((file) => file.endsWith(".sqlite") && file !== METADATA);
  if (name === undefined || others.length > 0) {
    throw new SeedError(`${folder} should hold one database and holds ${others.length + (name ? 1 : 0)}`);
  }
  return join(folder, name);
}

/** All of what the log says is in the main file when this is over, so that it can be copied. */
function checkpoint(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

function sync(file: string): void {
  const descriptor = openSync(file, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Whoever waits gets a turn: a signal, or a line of progress. */
const breathe = () => new Promise((resolve) => setImmediate(resolve));

async function fill(file: string, plan: Plan, { onProgress, signal }: FillOptions): Promise<void> {
  const db = new DatabaseSync(file);
  try {
    // The file is a copy that is thrown away when anything goes wrong, so nothing has to be undone or outlive a crash.
    // Out of WAL first: from there to no journal at all there is no way.
    db.exec(`PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA cache_size = -${CACHE_KIB}; PRAGMA foreign_keys = ON`);
    const present = Number(db.prepare("SELECT count(*) AS n FROM conversions").get()?.n);
    const indexes = plan.conversions >= WORTH_DEFERRING && plan.conversions > present / 4;
    const { restore } = beginQuickLoad(db, { indexes });
    for (const progress of seedDatabase(db, plan)) {
      onProgress?.(progress, "rows");
      await breathe();
      signal?.throwIfAborted();
    }
    for (const step of restore) {
      onProgress?.(plan, "indexes");
      await breathe();
      signal?.throwIfAborted();
      step();
    }
  } finally {
    db.close();
  }
}

export interface FillOptions {
  readonly onProgress?: (progress: Progress, phase: "rows" | "indexes") => void;
  /** Ends the work; the database is as it was then. */
  readonly signal?: AbortSignal;
  /** With the filled database, before it takes the other one's place. */
  readonly before?: (db: DatabaseSync) => Promise<void>;
}

/**
 * Adds a plan's rows to the migrated local database: all of them, or none whatever happens meanwhile. They are added to
 * a copy, which then takes its place.
 * @throws {SeedError} when the state is in use. @throws {RangeError} for a plan that can't be.
 */
export async function fillState(stateDir: string, plan: Plan, options: FillOptions = {}): Promise<void> {
  const file = databaseFile(stateDir);
  const alone = keepAlone(stateDir);
  let metadata: DatabaseSync | null = null;
  let folder: string | null = null;
  try {
    // Now that nobody runs, what an interrupted one has left can go.
    const stale = readdirSync(stateDir).filter((name) => name.startsWith(WORKING_COPY));
    for (const name of stale) rmSync(join(stateDir, name), { recursive: true, force: true });
    alone.release();
    const metadataFile = join(stateDir, DATABASES, METADATA);
    metadata = existsSync(metadataFile) ? openAlone(metadataFile, stateDir) : null;
    checkpoint(file);
    folder = mkdtempSync(join(stateDir, WORKING_COPY));
    const copy = join(folder, "database.sqlite");
    copyFileSync(file, copy);
    await fill(copy, plan, options);
    if (options.before) {
      const db = new DatabaseSync(copy, { readOnly: true });
      await options.before(db).finally(() => db.close());
    }
    options.signal?.throwIfAborted();
    sync(copy);
    for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
    renameSync(copy, file);
  } finally {
    alone.release();
    metadata?.close();
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}
