/** `npm run db:seed`: a local database as after 90 days of use, and a user to look at it as. */
import { randomInt } from "node:crypto";
import { isAbsolute, relative, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { ROOT } from "../stack-env.ts";
import { DEMO_PASSWORD, DEMO_PHONE, knownUser } from "./demo.ts";
import { fillState, keepAlone, migrate, resetState, SeedError } from "./local-state.ts";
import type { KnownUser } from "./people.ts";
import { checkPlan, type Plan, type Progress } from "./seed-database.ts";

const USAGE = `npm run db:seed -- [--conversions N] [--users N] [--seed S] [--until TIME] [--reset]

Fills the LOCAL database (state in STATE_DIR or .wrangler/state) with what the service would have written in 90 days of
use: users, uploads, conversions with their events, units, calls of providers, audit log and counters. What is there
already stays; a user to sign in as is made once.

  --conversions  how many are added (10000); a million takes a few minutes and 4.5 GB
  --users        who makes them: a few very often, most now and then (one for 20 conversions)
  --seed         a whole number; the same one with the same --until gives the same rows (random)
  --until        when the 90 days end, such as 2026-11-30T12:00:00Z (now)
  --reset        first removes all local state: databases, pictures, sessions, limits

All of it is added, or nothing: when it is interrupted, too. Only the pictures of the user that is made are real; of all
others there are rows alone, so their content answers 404, and a seeded conversion that is still queued fails or expires
soon after a start. Ends with 0 when it is done, 1 when it could not be, 2 when the options are wrong.
`;
const DEMO_CONVERSIONS = 200;
const MOST_CONVERSIONS = 10_000_000;
const PROGRESS_MS = process.stdout.isTTY ? 250 : 10_000;

const startedAt = performance.now();
const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
const say = (text: string) => process.stdout.write(`${process.stdout.isTTY ? "\r\x1b[K" : ""}${text}\n`);

function exitWithUsage(code: number, problem = ""): never {
  (code === 0 ? process.stdout : process.stderr).write(`${problem}${USAGE}`);
  process.exit(code);
}

interface Options {
  readonly conversions: number;
  readonly users: number;
  readonly seed: number;
  readonly until: number;
  readonly reset: boolean;
}

function wholeNumber(text: string | undefined, fallback: number, least: number, most: number): number {
  const value = text === undefined ? fallback : Number(text || Number.NaN);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  return exitWithUsage(2, `"${text}" is no whole number from ${least} to ${most}\n\n`);
}

function readOptions(): Options {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { conversions: text, users: text, seed: text, until: text, reset: flag, remote: flag } as const;
  try {
    const { values } = parseArgs({ options: { ...options, help: { ...flag, short: "h" } } });
    if (values.help) exitWithUsage(0);
    if (values.remote)
      exitWithUsage(2, "Only the local database can be filled: what is made up has no place elsewhere.\n\n");
    const conversions = wholeNumber(values.conversions, 10_000, 1, MOST_CONVERSIONS);
    const until = values.until === undefined ? Date.now() : Date.parse(values.until);
    const isPast = until <= Date.now();
    if (!isPast) exitWithUsage(2, `"${values.until}" is no time that has come, such as 2026-11-30T12:00:00Z\n\n`);
    return {
      conversions,
      users: wholeNumber(values.users, Math.max(20, Math.ceil(conversions / 20)), 3, MOST_CONVERSIONS),
      seed: wholeNumber(values.seed, randomInt(2 ** 32), 0, 2 ** 32 - 1),
      until,
      reset: values.reset ?? false,
    };
  } catch (error) {
    return exitWithUsage(2, `${(error as Error).message}\n\n`);
  }
}

/** A line from time to time, written over where that can be. */
function progressTo(total: number) {
  let shownAt = 0;
  return ({ conversions }: Progress, phase: "rows" | "indexes") => {
    if (performance.now() - shownAt < PROGRESS_MS) return;
    shownAt = performance.now();
    const text = phase === "indexes" ? "building indexes" : `${conversions} of ${total} conversions`;
    process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${seconds()}  ${text}` : `${seconds()}  ${text}\n`);
  };
}

/** From the project's root, unless it lies outside. */
function shown(path: string): string {
  const inside = relative(ROOT, path);
  return inside.startsWith("..") || isAbsolute(inside) ? path : inside;
}

function signIn(db: DatabaseSync, { phone, passwordHash }: KnownUser): string {
  const isNew = db.prepare("SELECT 1 FROM users WHERE phone = ? AND password_hash = ?").get(phone, passwordHash);
  if (isNew) return `sign in with phone ${phone} and password ${DEMO_PASSWORD}`;
  return `sign in with phone ${phone}: its account was there before, with the password it had (${DEMO_PASSWORD} at first)`;
}

function interruption(): AbortSignal {
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => abort.abort(new SeedError(`${signal}: nothing was added`)));
  }
  return abort.signal;
}

async function main(): Promise<void> {
  const options = readOptions();
  const stateDir = resolve(ROOT, process.env.STATE_DIR || ".wrangler/state");
  keepAlone(stateDir).release();
  // Wrangler and miniflare come with it, which take longer to load than to be refused.
  const { loadSamples, storeObjects } = await import("./pictures.ts");
  const samples = await loadSamples();
  const share = Math.min(DEMO_CONVERSIONS, Math.floor(options.conversions / 4));
  const demo = await knownUser({ phone: DEMO_PHONE, name: "Demo", conversions: share }, samples.pictures);
  const plan: Plan = { ...options, known: [demo] };
  checkPlan(plan);
  say(`seed ${plan.seed}: ${plan.conversions} conversions of ${plan.users} users into ${shown(stateDir)}`);
  if (options.reset) resetState(stateDir);
  await migrate(stateDir);
  say(`${seconds()}  the database is migrated`);
  let told = "";
  await fillState(stateDir, plan, {
    onProgress: progressTo(plan.conversions),
    signal: interruption(),
    async before(db) {
      const count = (table: string) => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
      say(`${seconds()}  rows and indexes are written`);
      const stored = await storeObjects(stateDir, db, [DEMO_PHONE], samples);
      told = `The database has ${count("conversions")} conversions, ${count("users")} users and ${count("images")} images
now, and the bucket the pictures of ${stored} images: those of the demo user that retention has left.

  npm run dev${process.env.STATE_DIR ? "   with the same STATE_DIR" : ""}
  ${signIn(db, demo)}`;
    },
  });
  say(`${seconds()}  done\n\n${told}\n`);
}

try {
  await main();
} catch (error) {
  if (error instanceof RangeError) exitWithUsage(2, `${error.message}\n\n`);
  if (!(error instanceof SeedError)) throw error;
  process.stderr.write(`\ndb:seed: ${error.message}\n`);
  process.exitCode = 1;
}
