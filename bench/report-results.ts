/** What a run came to, as it is stored: the terminal's table and the chart are both made from it. */
import { cpus } from "node:os";
import {
  type Comparison,
  type Figure,
  type Findings,
  holds,
  isFigureReached,
  isReached,
  type Pair,
  type Row,
  ratios,
  type Spread,
  spread,
} from "./measure.ts";

/** A row, and what it found or why it found nothing. */
export interface Measured {
  readonly row: Pick<Row, "number" | "title" | "reference">;
  readonly seconds: number;
  readonly outcome: { readonly findings: Findings } | { readonly failure: string };
}

export interface ComparisonResult extends Omit<Comparison, "pairs"> {
  /** Medians, in the comparison's unit. */
  readonly reference: number;
  readonly subject: number;
  readonly ratio: Spread;
  /** Null where nothing is promised. */
  readonly reached: boolean | null;
  readonly pairs: readonly Pair[];
}

export interface FigureResult extends Figure {
  readonly reached: boolean | null;
}

export interface RowResult {
  readonly number: number;
  readonly title: string;
  readonly reference: string;
  readonly seconds: number;
  /** Why there are no figures; null for a row that was measured. */
  readonly failure: string | null;
  readonly comparisons: readonly ComparisonResult[];
  readonly figures: readonly FigureResult[];
  readonly facts: readonly {
    readonly what: string;
    readonly expected: string;
    readonly found: string;
    readonly holds: boolean;
  }[];
  readonly notes: readonly string[];
}

export interface Results {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly rows: readonly RowResult[];
}

function comparisonResult(comparison: Comparison): ComparisonResult {
  const { what, unit, mark, pairs } = comparison;
  return {
    what,
    unit,
    mark,
    reference: spread(pairs.map(({ reference }) => reference)).median,
    subject: spread(pairs.map(({ subject }) => subject)).median,
    ratio: spread(ratios(pairs)),
    reached: mark === null ? null : isReached(comparison),
    pairs,
  };
}

function figureResult(figure: Figure): FigureResult {
  return { ...figure, reached: figure.mark === null ? null : isFigureReached(figure) };
}

function rowResult({ row: { number, title, reference }, seconds, outcome }: Measured): RowResult {
  const head = { number, title, reference, seconds: Math.round(seconds) };
  if ("failure" in outcome) {
    return { ...head, failure: outcome.failure, comparisons: [], figures: [], facts: [], notes: [] };
  }
  const { comparisons, figures = [], facts, notes } = outcome.findings;
  return {
    ...head,
    failure: null,
    comparisons: comparisons.map(comparisonResult),
    figures: figures.map(figureResult),
    facts: facts.map((fact) => ({ ...fact, holds: holds(fact) })),
    notes,
  };
}

export function resultsOf(startedAt: Date, measured: readonly Measured[]): Results {
  const machine = { cpu: cpus()[0]?.model.trim() ?? "unknown", cores: cpus().length, node: process.version };
  return { startedAt: startedAt.toISOString(), machine, rows: measured.map(rowResult) };
}

/** One sentence for each row that failed, each mark that was missed and each fact that doesn't hold. */
export function shortcomings({ rows }: Results): string[] {
  return rows.flatMap(({ number, failure, comparisons, figures, facts }) => [
    ...(failure === null ? [] : [`Row ${number} failed: ${failure.split("\n", 1)[0]}`]),
    ...comparisons
      .filter(({ reached }) => reached === false)
      .map(({ what, mark, ratio }) => {
        const wanted = `${mark?.kind} ${mark?.ratio}`;
        return `Row ${number} misses its mark: ${what} is ${ratio.median.toFixed(3)} of the reference, not ${wanted}.`;
      }),
    ...figures
      .filter(({ reached }) => reached === false)
      .map(({ what, value, unit, mark }) => {
        const wanted = `${mark?.kind} ${mark?.value} ${unit}`;
        return `Row ${number} misses its mark: ${what} is ${value.toPrecision(4)} ${unit}, not ${wanted}.`;
      }),
    ...facts
      .filter((fact) => !fact.holds)
      .map(({ what, expected, found }) => `Row ${number} is wrong: ${what}: ${found} instead of ${expected}.`),
  ]);
}
