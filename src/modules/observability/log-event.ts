import { clipText } from "../../kernel/clip-text.ts";
import type { LogLevel } from "../../kernel/logger.ts";
import { scrubText } from "../../kernel/redact.ts";
import type { Invocation } from "../../ports/invocation.ts";
import type { LogLine } from "../../ports/telemetry-export.ts";

/** An event of the service's own log, as its JSON line tells it. */
export type LogEvent = ReadonlyMap<string, unknown>;

type LoggedText = Invocation["logs"][number];

export const MAX_LINE_BYTES = 64 * 1024;
/** So much beyond the limit is looked at, lest half a secret at the edge should pass for none. */
const EDGE_BYTES = 1024;
const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(["debug", "info", "warn", "error"]);
const LOGFMT_LEVEL = /^time=\S{1,40} level=(debug|info|warn|error)\b/;
const PRETTY_LEVEL = /^\d\d:\d\d:\d\d\.\d{3} \S{0,12}(DEBUG|INFO|WARN|ERROR)\b/;
const ID_NAMES = ["requestId", "traceId", "conversionId"] as const;
const MAX_ID_CHARS = 128;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The text's beginning, of so many bytes in UTF-8 at the most, and well-formed; it keeps no longer text in memory. */
export function cutText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text.toWellFormed();
  const bytes = new Uint8Array(maxBytes);
  const { written } = encoder.encodeInto(text, bytes);
  return decoder.decode(bytes.subarray(0, written));
}

/** The event of a line of JSON with a time, a level and a message; null for any other text. */
export function parseEvent(text: string): LogEvent | null {
  if (!text.startsWith("{")) return null;
  try {
    const event = new Map(Object.entries(JSON.parse(text) as object));
    const isOurs = typeof event.get("time") === "string" && typeof event.get("msg") === "string";
    return isOurs && LEVELS.has(event.get("level")) ? event : null;
  } catch {
    return null;
  }
}

function levelOf(event: LogEvent | null, { level, text }: LoggedText): LogLevel {
  const found =
    event?.get("level") ?? LOGFMT_LEVEL.exec(text)?.[1] ?? PRETTY_LEVEL.exec(text)?.[1]?.toLowerCase() ?? level;
  return LEVELS.has(found) ? (found as LogLevel) : "info";
}

function idsOf(event: LogEvent | null): LogLine["ids"] {
  const ids: Record<string, string> = {};
  for (const name of ID_NAMES) {
    const id = event?.get(name);
    if (typeof id === "string" && id !== "") ids[name] = clipText(id, MAX_ID_CHARS);
  }
  return ids;
}

/** A logged text as a line to hand on. The logger has seen to its own lines; anything else may hold anything. */
export function toLogLine(service: string, logged: LoggedText, event: LogEvent | null): LogLine {
  const text = event === null ? scrubText(cutText(logged.text, MAX_LINE_BYTES + EDGE_BYTES)) : logged.text;
  return {
    service,
    level: levelOf(event, logged),
    at: logged.at,
    text: cutText(text, MAX_LINE_BYTES),
    ids: idsOf(event),
  };
}
