/**
 * `npm run bench`: what the service costs beside what it could cost at the least. Numbers after it choose rows
 * (`npm run bench -- 3`). Every figure is a ratio to a reference measured in the same run and in turns with it; the
 * times and rates beside it are this machine's and this hour's, and mean nothing by themselves.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { type Comparison, type Fact, type Findings, isReached, type Row, ratios, spread } from "./measure.ts";
import { authenticatedRead } from "./rows/1-authenticated-read.ts";
import { limiter } from "./rows/3-limiter.ts";
import { passwordHash } from "./rows/4-password-hash.ts";

const ROWS: readonly Row[] = [authenticatedRead, limiter, passwordHash];
const RESULTS = join(import.meta.dirname, "results.json");

interface Measured {
  readonly row: Row;
  readonly findings: Findings;
}

const say = (line: string) => process.stdout.write(`${line}\n`);

function chosen(words: readonly string[]): readonly Row[] {
  const numbers = ROWS.map(({ number }) => String(number));
  const unknown = words.filter((word) => !numbers.includes(word));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(", ")}: there are ${numbers.join(", ")}`);
  return ROWS.filter(({ number }) => words.length === 0 || words.includes(String(number)));
}

/** Three digits that count, or all before the point. */
function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function cellsOf(row: Row, comparison: Comparison): string[] {
  const { what, unit, mark, pairs } = comparison;
  const ratio = spread(ratios(pairs));
  const median = (values: number[]) => `${short(spread(values).median)} ${unit}`;
  return [
    String(row.number),
    what,
    median(pairs.map(({ reference }) => reference)),
    median(pairs.map(({ subject }) => subject)),
    ratio.median.toFixed(2),
    `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`,
    mark === null ? "–" : `${mark.kind === "at least" ? "≥" : "≤"} ${mark.ratio}`,
    mark === null ? "" : isReached(comparison) ? "reached" : "MISSED",
  ];
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")).join("\n");
}

const holds = ({ expected, found }: Fact) => expected === found;

function tell(measured: readonly Measured[]): void {
  const head = ["row", "what", "reference", "subject", "ratio", "quartiles", "mark", ""];
  const lines = measured.flatMap(({ row, findings }) => findings.comparisons.map((it) => cellsOf(row, it)));
  say(`\n${table([head, ...lines])}\n`);
  for (const { row, findings } of measured) {
    say(`${row.number}  ${row.title}; reference: ${row.reference}`);
    for (const fact of findings.facts) {
      say(
        `   ${holds(fact) ? "✓" : "✗"} ${fact.what}: ${fact.found}${holds(fact) ? "" : `, expected ${fact.expected}`}`,
      );
    }
    for (const note of findings.notes) say(`   ${note}`);
  }
}

/** One line for each mark that was missed and each fact that doesn't hold. */
function shortcomings(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ row, findings }) => [
    ...findings.comparisons
      .filter((comparison) => !isReached(comparison))
      .map(({ what, mark, pairs }) => {
        const { median } = spread(ratios(pairs));
        const wanted = `${mark?.kind} ${mark?.ratio}`;
        return `Row ${row.number} misses its mark: ${what} is ${median.toFixed(3)} of the reference, not ${wanted}.`;
      }),
    ...findings.facts
      .filter((fact) => !holds(fact))
      .map(({ what, expected, found }) => `Row ${row.number} is wrong: ${what}: ${found} instead of ${expected}.`),
  ]);
}

function store(startedAt: Date, measured: readonly Measured[]): void {
  const rows = measured.map(({ row: { number, title, reference }, findings: { comparisons, facts, notes } }) => ({
    number,
    title,
    reference,
    comparisons: comparisons.map((comparison) => ({
      what: comparison.what,
      unit: comparison.unit,
      mark: comparison.mark,
      ratio: spread(ratios(comparison.pairs)),
      reached: isReached(comparison),
      pairs: comparison.pairs,
    })),
    facts: facts.map((fact) => ({ ...fact, holds: holds(fact) })),
    notes,
  }));
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version };
  writeFileSync(RESULTS, `${JSON.stringify({ startedAt: startedAt.toISOString(), machine, rows }, null, 2)}\n`);
}

async function main(): Promise<number> {
  const startedAt = new Date();
  const measured: Measured[] = [];
  for (const row of chosen(process.argv.slice(2))) {
    const findings = await row.measure((progress) => say(`row ${row.number}: ${progress}`));
    measured.push({ row, findings });
  }
  tell(measured);
  store(startedAt, measured);
  const missed = shortcomings(measured);
  say(missed.length === 0 ? "\nEvery mark is reached." : `\n${missed.join("\n")}`);
  return missed.length === 0 ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`\nbench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
