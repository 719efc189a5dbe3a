import type { Options, Toucan } from "toucan-js";
import { describeError } from "../../kernel/describe-error.ts";
import { scrubText } from "../../kernel/redact.ts";
import type { ErrorContext } from "../../ports/error-reporter.ts";

export type SentryEvent = Parameters<Toucan["captureEvent"]>[0];
/** What the SDK has made of an event. */
export type PreparedEvent = Parameters<NonNullable<Options["beforeSend"]>>[0];
type SentryFrames = NonNullable<NonNullable<SentryEvent["exception"]>["values"]>[number]["stacktrace"];
/** Reads the frames of a stack, outermost first. */
export type StackParser = (stack: string) => NonNullable<NonNullable<SentryFrames>["frames"]>;

/** What {@link describeError} leaves of a message. */
const DESCRIBED_CHARS = 300;
const MAX_STACK_CHARS = 16_384;
const MAX_TAG_CHARS = 200;
const NAME = /^[a-z_$][\w$.]{0,99}$/i;
const FRAME_LINE = /^ {4}at \S/;

const URL_IN_TEXT = /\b[a-z][\w+.-]*:\/\/[^\s"'<>]+/gi;
/** A runtime's or a driver's own words, with a piece of what it was given after them. */
const QUOTING: readonly (readonly [RegExp, string])[] = [
  [/(Unexpected token '.{0,2}').*$/su, "$1 in JSON"],
  [/(Failed query).*$/s, "$1"],
  [/\?[^\s"'?]*=[^\s"']*/g, "?…"],
];
/** Codes, phones in groups, addresses, and numbers nobody groups failures by. */
const NUMBERS: readonly RegExp[] = [
  /(?<![\w-])\+?\p{Nd}[\p{Nd} ()-]{8,}\p{Nd}(?!\w)/gu,
  /(?<![\w-])\p{Nd}{5,}(?!\w)/gu,
  /(?<![\w.])\d{1,3}(\.\d{1,3}){3}(?![\w.])/g,
  /(?<![\w:])([\da-f]{0,4}:){2,7}[\da-f]{1,4}(?![\w:])/gi,
];

function originOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "[url]" : `${parsed.protocol}//${parsed.host}/…`;
}

/** A failure's words without the values in them. */
function withoutValues(text: string): string {
  // A secret that was cut in half looks like nothing.
  const whole = text.length < DESCRIBED_CHARS ? text : text.replace(/\S+$/, "…");
  const quiet = QUOTING.reduce(
    (rest, [pattern, kept]) => rest.replace(pattern, kept),
    whole.replace(URL_IN_TEXT, originOf),
  );
  return NUMBERS.reduce((rest, pattern) => rest.replace(pattern, "[number]"), scrubText(quiet));
}

/** Type and words of whatever was thrown; what is no error is told by its type alone. */
function describe(error: unknown): { readonly type: string; readonly value: string } {
  try {
    const text = describeError(error);
    const end = text.indexOf(": ");
    if (end === -1) return { type: "NonError", value: `${text} was thrown` };
    const name = text.slice(0, end);
    return { type: NAME.test(name) ? scrubText(name) : "Error", value: withoutValues(text.slice(end + 2)) };
  } catch {
    return { type: "NonError", value: "something unreadable was thrown" };
  }
}

/** The frames of a stack alone: its head is the message, which may have many lines, some like frames. */
function frameLines(error: unknown): string {
  try {
    if (!(error instanceof Error) || typeof error.stack !== "string") return "";
    const { name, message, stack } = error;
    const head = `${name}: ${message}`;
    const at = stack.startsWith(head) ? head.length - message.length : stack.indexOf(message);
    const end = at === -1 ? 0 : at + message.length;
    const lines = stack.slice(Math.max(end, stack.length - MAX_STACK_CHARS)).split("\n");
    return lines.slice(lines.findLastIndex((line) => !FRAME_LINE.test(line)) + 1).join("\n");
  } catch {
    return "";
  }
}

function framesOf(error: unknown, parse: StackParser): SentryFrames {
  const lines = frameLines(error);
  const frames = lines === "" ? [] : parse(lines);
  if (frames.length === 0) return undefined;
  return {
    frames: frames.map((frame) => ({ ...frame, function: frame.function?.replace(/\p{Nd}{5,}/gu, "#") ?? "?" })),
  };
}

function tagsOf(tags: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const told = Object.entries(tags).filter((tag): tag is [string, string] => tag[1] !== undefined);
  return Object.fromEntries(told.map(([name, value]) => [name, value.replace(/\s+/g, " ").slice(0, MAX_TAG_CHARS)]));
}

export interface Told {
  readonly context: ErrorContext;
  readonly worker: string;
  readonly userHash: string | undefined;
  readonly spanId: string;
}

/** An event as Sentry wants it (https://develop.sentry.dev/sdk/data-model/event-payloads/); never throws. */
export function toEvent(error: unknown, parse: StackParser, { context, worker, userHash, spanId }: Told): SentryEvent {
  const { where, requestId, traceId, conversionId } = context;
  const stacktrace = framesOf(error, parse);
  return {
    level: "error",
    server_name: worker,
    transaction: where,
    exception: {
      values: [
        {
          ...describe(error),
          mechanism: { type: "generic", handled: false },
          ...(stacktrace === undefined ? {} : { stacktrace }),
        },
      ],
    },
    tags: tagsOf({ worker, where, requestId, traceId, conversionId }),
    ...(userHash === undefined ? {} : { user: { id: userHash } }),
    ...(traceId === undefined ? {} : { contexts: { trace: { trace_id: traceId, span_id: spanId } } }),
  };
}

function scrub(value: unknown): unknown {
  if (typeof value === "string") return scrubText(value);
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, scrub(inner)]));
}

/** Beside `user` and `contexts`, of which one field each is. */
const KEPT = [
  "event_id",
  "timestamp",
  "platform",
  "level",
  "release",
  "environment",
  "server_name",
  "transaction",
  "exception",
  "tags",
] as const satisfies readonly (keyof SentryEvent)[];

/** What of a prepared event may leave: fields that are known here, each of their strings looked at once more. */
export function cleared(event: PreparedEvent, hasTrace: boolean): PreparedEvent {
  const kept: Record<string, unknown> = {};
  for (const name of KEPT) if (event[name] !== undefined) kept[name] = scrub(event[name]);
  if (event.user?.id !== undefined) kept.user = scrub({ id: event.user.id });
  // The SDK makes up a trace where there is none.
  if (hasTrace) kept.contexts = scrub({ trace: event.contexts?.trace });
  // Else Sentry takes the address that an event of JavaScript comes from for the user's.
  kept.sdk = { settings: { infer_ip: "never" } };
  return kept as unknown as PreparedEvent;
}
