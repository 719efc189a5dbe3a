/** A run's results as text for the terminal. */
import type { ComparisonResult, FigureResult, Results, RowResult } from "./report-results.ts";

const HEAD = ["row", "what", "reference", "subject", "ratio", "quartiles", "mark", ""];

/** Three digits that count, or all before the point. */
export function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** "≥ 0.6", or a dash where nothing is promised. */
export function markText(mark: { readonly kind: "at least" | "at most" } | null, value: string): string {
  return mark === null ? "–" : `${mark.kind === "at least" ? "≥" : "≤"} ${value}`;
}

const judgement = (reached: boolean | null) => (reached === null ? "" : reached ? "✓ reached" : "✗ MISSED");

function comparisonCells(number: number, result: ComparisonResult): string[] {
  const { what, unit, mark, reference, subject, ratio, reached } = result;
  return [
    String(number),
    what,
    `${short(reference)} ${unit}`,
    `${short(subject)} ${unit}`,
    ratio.median.toFixed(2),
    `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`,
    markText(mark, String(mark?.ratio)),
    judgement(reached),
  ];
}

function figureCells(number: number, { what, unit, value, mark, reached }: FigureResult): string[] {
  const wanted = markText(mark, `${mark?.value} ${unit}`);
  return [String(number), what, "–", `${short(value)} ${unit}`, "–", "–", wanted, judgement(reached)];
}

function cellsOf({ number, title, failure, comparisons, figures }: RowResult): string[][] {
  if (failure !== null) return [[String(number), title, "–", "–", "–", "–", "–", "✗ FAILED"]];
  return [
    ...comparisons.map((result) => comparisonCells(number, result)),
    ...figures.map((result) => figureCells(number, result)),
  ];
}

function columns(lines: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function details({ number, title, reference, seconds, failure, facts, notes }: RowResult): string[] {
  return [
    `${number}  ${title}; reference: ${reference} (${seconds} s)`,
    ...(failure === null ? [] : failure.split("\n").map((line) => `   ${line}`)),
    ...facts.map(({ what, expected, found, holds }) =>
      holds ? `   ✓ ${what}: ${found}` : `   ✗ ${what}: ${found}, expected ${expected}`,
    ),
    ...notes.map((note) => `   ${note}`),
  ];
}

/** The table of all figures, and below it each row's facts and notes. */
export function reportText({ rows }: Results): string {
  return [columns([HEAD, ...rows.flatMap(cellsOf)]), "", ...rows.flatMap(details)].join("\n");
}
