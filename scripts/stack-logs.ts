/** Makes wrangler's output readable: the Workers' log lines stay, wrangler's chatter goes, its errors stay. */
import { stripVTControlCharacters } from "node:util";

export interface LogLine {
  /** `api`, `consumer`, `hasher`, `tail`, or `wrangler` for what wrangler itself says. */
  readonly source: string;
  readonly text: string;
}

const WORKER_LINE = /^\[(undefined|ai-styler-[a-z]+)\] ?/;

/** Single lines that say nothing about the service. */
const NOISE = [
  /^\s*$/,
  /wrangler \d+\.\d+\.\d+/,
  /^─+$/,
  /^\[custom build\] Running/,
  /^Using secrets defined in/,
  /has access to the following bindings:$/,
  /^Binding\s+Resource/,
  /^env\.\w+/,
  /is sending Tail events to the following Workers:$/,
  /^- ai-styler-\w+ \[(not )?connected\]$/,
  /^Service bindings, Durable Object bindings/,
  /^❓ Your types might be out of date/,
  /^⎔ Starting local server/,
  /^\[wrangler:info\] (Ready on|QUEUE |[A-Z]+ \S+ \d{3} )/,
];

/** Hints that run over several lines, to the next line that starts at the margin and isn't part of them. */
const HINTS = [/Scheduled Workers are not automatically triggered/, /running in an AI agent/];

/** A stateful filter for one stream; `null` for a line to leave out. */
export function createLogFilter(): (raw: string) => LogLine | null {
  let insideHint = false;
  let source = "wrangler";
  return (raw) => {
    const plain = stripVTControlCharacters(raw).trimEnd();
    const worker = WORKER_LINE.exec(plain)?.[1];
    if (worker !== undefined) {
      insideHint = false;
      source = worker === "undefined" ? "api" : worker.replace("ai-styler-", "");
      return { source, text: raw.replace(WORKER_LINE, "").trimEnd() };
    }
    if (HINTS.some((hint) => hint.test(plain))) insideHint = true;
    else if (insideHint && plain !== "" && !/^\s/.test(plain)) insideHint = false;
    if (insideHint || NOISE.some((noise) => noise.test(plain))) return null;
    // A Worker's message may run over several lines; wrangler's own begin with a sign of their own.
    if (/^[[⎔✘▲]|^\w+ changed, restarting/u.test(plain)) source = "wrangler";
    return { source, text: raw.trimEnd() };
  };
}

/** Calls `onLine` for each full line of a stream's chunks. */
export function lineSplitter(onLine: (line: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
}

/** What a log line says is wrong with the configuration, if it does. */
export function configurationProblem(text: string): string | null {
  return /bad configuration: ([^"]+)/.exec(stripVTControlCharacters(text))?.[1]?.trim() ?? null;
}
