/** How a crash drill tells what happened. */
import type { Check } from "./checks.ts";
import type { Call, Calls } from "./load.ts";
import type { Snapshot } from "./state.ts";

const SHOWN_PROBLEMS = 20;
const CALLS: readonly Call[] = ["create", "upload", "sign-up"];

export interface Crash {
  /** Epoch ms: when nothing ran any more. */
  readonly killedAt: number;
  readonly readyAt: number;
  /** How long the service had been ready. */
  readonly lifeMs: number;
  /** Calls that waited for their answer. */
  readonly inFlight: Calls;
  /** What the database held when nothing ran any more. */
  readonly state: Snapshot;
  /** From the start to the first answer. */
  readonly readyAfterMs: number;
  /** From that answer to the first step of unfinished work; null when the next kill came first. */
  readonly resumedAfterMs: number | null;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** `2 creates, 1 upload`. */
export function countCalls(calls: Calls): string {
  const parts = CALLS.filter((call) => calls[call] > 0).map(
    (call) => `${calls[call]} ${call}${calls[call] > 1 ? "s" : ""}`,
  );
  return parts.join(", ") || "-";
}

/** Columns as wide as they need to be, with numbers at their right; those of `left` hold text. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  left: readonly number[],
): string {
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        left.includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(headers), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}

function resumed({ state, resumedAfterMs }: Crash, isLast: boolean): string {
  if (state.queued + state.processing === 0) return "no work left";
  if (resumedAfterMs !== null) return seconds(resumedAfterMs);
  return isLast ? "not seen" : "killed before";
}

export function crashTable(crashes: readonly Crash[], startedAt: number): string {
  const headers = [
    "crash",
    "at",
    "alive for",
    "queued",
    "processing",
    "ended",
    "ready after",
    "work resumed",
    "cut off",
  ];
  const rows = crashes.map((crash, index) => [
    String(index + 1),
    seconds(crash.killedAt - startedAt),
    seconds(crash.lifeMs),
    ...[crash.state.queued, crash.state.processing, crash.state.ended].map(String),
    seconds(crash.readyAfterMs),
    resumed(crash, index === crashes.length - 1),
    countCalls(crash.inFlight),
  ]);
  return table(headers, rows, [headers.length - 1]);
}

export function crashLine(crash: Crash, number: number, of: number): string {
  const { queued, processing, ended } = crash.state;
  const work = `${queued} queued, ${processing} processing, ${ended} ended`;
  const cut = countCalls(crash.inFlight);
  const ready = `ready again after ${seconds(crash.readyAfterMs)}`;
  return `crash ${number}/${of} after ${seconds(crash.lifeMs)}: ${work}; cut off: ${cut}; ${ready}`;
}

/** Median and largest. */
export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  return middle === undefined ? "-" : `median ${seconds(middle)}, at most ${seconds(sorted.at(-1) ?? middle)}`;
}

export function checkTable(checks: readonly Check[]): string {
  return checks
    .map(({ name, seen, problems }) => {
      const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `         ${problem}`);
      const more = problems.length > SHOWN_PROBLEMS ? [`         and ${problems.length - SHOWN_PROBLEMS} more`] : [];
      return [`  ${problems.length === 0 ? "holds " : "BROKEN"} ${name} (${seen})`, ...shown, ...more].join("\n");
    })
    .join("\n");
}
