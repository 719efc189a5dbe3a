/**
 * `npm run drill -- [--conversions N] [--crashes N] [--seed N]`: N conversions (100) are created while everything is
 * killed with SIGKILL at N random moments (20) and started again on the same state; then nothing may be lost, doubled,
 * stuck or charged wrongly. A seed repeats the moments and the requests of an earlier drill.
 */
import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { ApiError } from "./api-client.ts";
import { MAX_ATTEMPTS } from "./drill/checks.ts";
import { DrillLoad } from "./drill/load.ts";
import { type DrillOptions, planDrill } from "./drill/plan.ts";
import { checkTable, countCalls, crashTable, seconds, spread } from "./drill/report.ts";
import { Drill } from "./drill/run.ts";
import { DrillService } from "./drill/service.ts";
import { StackError } from "./stack.ts";
import { newSecret } from "./stack-env.ts";
import type { LogLine } from "./stack-logs.ts";

const USAGE = `npm run drill -- [--conversions N] [--crashes N] [--seed N]

  --conversions   how many are created, by several users (100)
  --crashes       how often everything is killed meanwhile (20)
  --seed          repeats the moments and requests of an earlier drill (random)

Ends with 0 when nothing was lost, doubled, stuck or charged wrongly; with 1 when something was, or when that was not
clear after 10 minutes; with 2 when the options are wrong.
`;
/** Ten minutes, less half a one to clean up in. */
const LIMIT_MS = 9.5 * 60_000;
const SHOWN_LINES = 25;
const PROGRESS_MS = process.stdout.isTTY ? 250 : 15_000;
const startedAt = Date.now();

/** Lines of the Workers' logs that tell of nothing but polling. */
const POLLING = /INFO +request .* method=GET /;

class Interrupted extends Error {
  override readonly name = "Interrupted";
}

class OutOfTime extends Error {
  override readonly name = "OutOfTime";
}

function say(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? "\r\x1b[K" : ""}${text}\n`);
}

/** Tells what happens, when it happens. */
function tell(text: string): void {
  say(`${seconds(Date.now() - startedAt).padStart(8)}  ${text}`);
}

function exitWithUsage(code: number, problem = ""): never {
  (code === 0 ? process.stdout : process.stderr).write(`${problem}${USAGE}`);
  process.exit(code);
}

function readOptions(): DrillOptions {
  const text = { type: "string" } as const;
  const options = { conversions: text, crashes: text, seed: text, help: { type: "boolean", short: "h" } } as const;
  const number = (value: string | undefined, fallback: number, min: number, max: number) => {
    const read = value === undefined ? fallback : Number(value || Number.NaN);
    if (Number.isInteger(read) && read >= min && read <= max) return read;
    return exitWithUsage(2, `"${value}" is no whole number from ${min} to ${max}\n\n`);
  };
  try {
    const { values } = parseArgs({ options });
    if (values.help) exitWithUsage(0);
    return {
      conversions: number(values.conversions, 100, 1, 1_000),
      crashes: number(values.crashes, 20, 0, 1_000),
      seed: number(values.seed, randomInt(2 ** 32), 0, 2 ** 32 - 1),
    };
  } catch (error) {
    return exitWithUsage(2, `${(error as Error).message}\n\n`);
  }
}

/** Room for all conversions of one user at once, and for an attempt a crash. */
function drillEnvironment({ conversions }: DrillOptions) {
  return {
    ENVIRONMENT: "development",
    JWT_SECRET: newSecret(),
    ACCESS_TOKEN_TTL: "1h",
    FREE_MONTHLY_CONVERSIONS: String(conversions),
    MAX_CONCURRENT_CONVERSIONS: String(conversions),
    CONVERSION_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
    CONVERSION_DEADLINE: "30m",
  };
}

/** A line that is written over, or one from time to time where that can't be. */
function showProgress(drill: Drill): () => void {
  const { plan, load, crashes } = drill;
  const show = () => {
    const created = `${load.created.length}/${plan.jobs.length} created`;
    const text = `${created}, ${drill.ended} ended, ${crashes.length}/${plan.momentsMs.length} crashes`;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${seconds(Date.now() - startedAt).padStart(8)}  ${text}`);
    else tell(text);
  };
  const timer = setInterval(show, PROGRESS_MS);
  return () => clearInterval(timer);
}

/** Rejects on a signal, and when the time is up. */
function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => reject(new Interrupted(signal)));
    }
    setTimeout(() => reject(new OutOfTime(`not done after ${LIMIT_MS / 60_000} minutes`)), LIMIT_MS).unref();
  });
}

function summarize({ plan, load, crashes, attempts, endings, recoveryMs, service }: Drill, seed: number): void {
  const replayed = load.created.filter((created) => created.replayed).length;
  const resumed = crashes.flatMap(({ resumedAfterMs }) => (resumedAfterMs === null ? [] : [resumedAfterMs]));
  const ends = [...endings].map(([status, count]) => `${count} ${status}`).join(", ") || "not known";
  say(`\n${crashTable(crashes, startedAt)}\n`);
  say(`seed            ${seed}`);
  say(`conversions     ${load.created.length} of ${plan.jobs.length} created; in the end: ${ends}`);
  say(
    `attempts        ${attempts.sum}, at most ${attempts.max} for one; ${attempts.failed} failed otherwise than by a kill`,
  );
  say(`cut off         ${countCalls(load.lost)}; ${replayed} repeats found their conversion created already`);
  say(`ready again     ${spread(crashes.map(({ readyAfterMs }) => readyAfterMs))}`);
  say(`work resumed    ${spread(resumed)}, where no other kill came first`);
  say(`all ended       ${recoveryMs === null ? "no" : `${seconds(recoveryMs)} after the last restart`}`);
  const { refusals } = load;
  if (refusals.length > 0) say(`answers of 5xx  ${refusals.length}: ${[...new Set(refusals)].join("; ")}`);
  if (service.errors.length > 0) say(`logged errors   ${service.errors.length}, the first: ${service.errors[0]}`);
}

/** @returns whether all holds. */
function conclude({ checks }: Drill): boolean {
  const broken = checks.filter(({ problems }) => problems.length > 0).length;
  const verdict = broken === 0 ? `all ${checks.length} hold` : `${broken} of ${checks.length} do not hold`;
  say(`\n${checkTable(checks)}\n\n${verdict}; the drill took ${seconds(Date.now() - startedAt)}`);
  return broken === 0;
}

function explain(error: unknown, logs: readonly LogLine[]): void {
  const known = error instanceof OutOfTime || error instanceof StackError || error instanceof ApiError;
  const text = error instanceof Error ? (!known && error.stack) || error.message : String(error);
  say(`\nThe drill did not come to its end: ${text}`);
  if (error instanceof ApiError) say(JSON.stringify(error.problem, null, 2));
  const lines = error instanceof StackError ? error.logs : logs;
  const plain = lines.map(({ source, text }) => `${source.padEnd(8)} ${stripVTControlCharacters(text)}`);
  for (const line of plain.filter((line) => !POLLING.test(line)).slice(-SHOWN_LINES)) say(line);
}

/** @returns the exit code. */
async function main(): Promise<number> {
  const options = readOptions();
  const folder = await mkdtemp(join(tmpdir(), "ai-styler-drill-"));
  const stateDir = join(folder, "state");
  await mkdir(stateDir);
  const service = new DrillService({ stateDir, logFile: join(folder, "workers.log"), env: drillEnvironment(options) });
  const drill = new Drill(planDrill(options), stateDir, service, new DrillLoad(service), tell);
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  say(`seed ${options.seed}: ${options.conversions} conversions, ${options.crashes} crashes; state in ${folder}\n`);
  const stopProgress = showProgress(drill);
  try {
    await Promise.race([drill.run(), interrupted()]);
  } catch (error) {
    stopProgress();
    if (error instanceof Interrupted) {
      say(`${error.message}: cleaning up`);
      await service.close("kill");
      await remove();
      return 1;
    }
    explain(error, service.logs);
    await drill.breakOff((error as Error).message);
  }
  stopProgress();
  summarize(drill, options.seed);
  const good = conclude(drill);
  if (good) await remove();
  else say(`The state and the Workers' logs are kept in ${folder}`);
  return good ? 0 : 1;
}

process.exit(await main());
