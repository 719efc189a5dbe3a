import { redactField, scrubText } from "./redact.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "json" | "pretty" | "logfmt";
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * Structured logging: one event a call, fields flat. Never pass codes, tokens, passwords, phones or pictures; what looks
 * like one is taken out all the same.
 */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
}

const RANK: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 };
const COLOR: Record<LogLevel, number> = { debug: 90, info: 32, warn: 33, error: 31 };

/** Everything that could start a new line or a terminal sequence is escaped: one event stays one line. */
function quoted(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return /^[\w./:@+{}~-]+$/.test(value) ? value : JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, "?");
}

function pairs(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${quoted(value)}`)
    .join(" ");
}

/** One line of text for one event. */
export function formatEvent(
  format: LogFormat,
  level: LogLevel,
  message: string,
  fields: LogFields,
  at: number,
): string {
  const time = new Date(at).toISOString();
  if (format === "json") return JSON.stringify({ time, level, msg: message, ...fields });
  if (format === "logfmt") return pairs({ time, level, msg: message, ...fields });
  const label = `\u001b[${COLOR[level]}m${level.toUpperCase().padEnd(5)}\u001b[0m`;
  return `${time.slice(11, 23)} ${label} ${quoted(message).replace(/^"|"$/g, "")} \u001b[90m${pairs(fields)}\u001b[0m`;
}

/** A logger that drops events below `level` and adds `base` to every one. */
export function createLogger(
  options: { readonly level: LogLevel; readonly format: LogFormat },
  base: LogFields = {},
  sink: (line: string) => void = (line) => console.log(line),
): Logger {
  return {
    log(level, message, fields = {}) {
      if (RANK[level] < RANK[options.level]) return;
      const shown: Record<string, LogFields[string]> = {};
      for (const given of [base, fields]) {
        for (const name in given) shown[name] = redactField(name, given[name]);
      }
      sink(formatEvent(options.format, level, scrubText(message), shown, Date.now()));
    },
  };
}

/** The same logger with `fields` in every event. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return { log: (level, message, more = {}) => logger.log(level, message, { ...fields, ...more }) };
}
