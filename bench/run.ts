/**
 * `npm run bench`: what the service costs beside what it could cost at the least; `--help` says how it is used. Times
 * and rates are this machine's and this hour's and mean nothing by themselves: ratios are what counts.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../scripts/stack-env.ts";
import { chart } from "./chart.ts";
import type { Row } from "./measure.ts";
import { reportText } from "./report.ts";
import { type Measured, type Results, resultsOf, shortcomings } from "./report-results.ts";
import { authenticatedRead } from "./rows/1-authenticated-read.ts";
import { create } from "./rows/2-create.ts";
import { limiter } from "./rows/3-limiter.ts";
import { passwordHash } from "./rows/4-password-hash.ts";
import { pipeline } from "./rows/5-pipeline.ts";
import { mixedLoad } from "./rows/6-mixed-load.ts";
import { largeTable } from "./rows/7-large-table.ts";
import { localEngine } from "./rows/8-local-engine.ts";
import { apiBundle } from "./rows/9-api-bundle.ts";
import { consumerMemory } from "./rows/10-consumer-memory.ts";

const ROWS: readonly Row[] = [
  authenticatedRead,
  create,
  limiter,
  passwordHash,
  pipeline,
  mixedLoad,
  largeTable,
  localEngine,
  apiBundle,
  consumerMemory,
];
const RESULTS = join(import.meta.dirname, "results.json");
const SAVED = join(ROOT, "docs/bench");
const USAGE = `usage: npm run bench -- [--save] [row …]

Measures all rows, or those that are named by number, in order; each in about a minute and a half at the most. Every
comparison sets what the service does beside a reference that is measured in the same run and in turns with it.

  --save  after a run of all rows, keep it as docs/bench/results.json and docs/bench/results.svg
  --help  this text

Rows:
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

function usage(): string {
  return USAGE + ROWS.map(({ number, title }) => `  ${String(number).padStart(2)}  ${title}`).join("\n");
}

/** @throws {Error} that names the rows there are. */
function chosen(words: readonly string[]): readonly Row[] {
  const numbers = ROWS.map(({ number }) => String(number));
  const unknown = words.filter((word) => !numbers.includes(word));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(", ")}: there are ${numbers.join(", ")}`);
  const wanted = ROWS.filter(({ number }) => words.length === 0 || words.includes(String(number)));
  return wanted.toSorted((a, b) => a.number - b.number);
}

/** A row that throws is told as failed, so that the others are measured all the same. */
async function measured(row: Row): Promise<Measured> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1_000;
  try {
    const findings = await row.measure((progress) => say(`row ${row.number}: ${progress}`));
    return { row, seconds: seconds(), outcome: { findings } };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(`row ${row.number}: failed: ${failure}`);
    return { row, seconds: seconds(), outcome: { failure } };
  }
}

/** Where the README finds them. In the style of all files here, for they are kept under version control. */
function save(results: Results): void {
  const isSound = results.rows.every(({ failure, facts }) => failure === null && facts.every(({ holds }) => holds));
  if (!isSound) {
    throw new Error("nothing is saved of a run in which a row failed or a fact doesn't hold; see bench/results.json");
  }
  mkdirSync(SAVED, { recursive: true });
  const file = join(SAVED, "results.json");
  writeFileSync(file, JSON.stringify(results));
  const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const formatted = spawnSync(process.execPath, [biome, "format", "--write", file], { encoding: "utf8", cwd: ROOT });
  if (formatted.status !== 0) throw new Error(`biome could not format ${file}\n${formatted.stderr}`);
  writeFileSync(join(SAVED, "results.svg"), chart(results));
  say("\nSaved in docs/bench: results.json, results.svg.");
}

async function main(): Promise<number> {
  const options = { save: { type: "boolean" }, help: { type: "boolean" } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) {
    say(usage());
    return 0;
  }
  const rows = chosen(positionals);
  if (values.save && rows.length < ROWS.length) throw new Error("--save keeps whole runs only: name no rows");
  const startedAt = new Date();
  const all: Measured[] = [];
  for (const row of rows) all.push(await measured(row));
  const results = resultsOf(startedAt, all);
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  say(`\n${reportText(results)}`);
  if (values.save) save(results);
  const missed = shortcomings(results);
  say(missed.length === 0 ? "\nEvery mark is reached." : `\n${missed.join("\n")}`);
  return missed.length === 0 ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`\nbench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
