export type Fields = Readonly<Record<string, unknown>>;

/** What Sentry's ingestion would refuse, and why. */
export class BadEnvelope extends Error {}

const PLATFORMS = [
  "as3",
  "c",
  "cfml",
  "cocoa",
  "csharp",
  "elixir",
  "go",
  "haskell",
  "java",
  "javascript",
  "native",
].concat(["node", "objc", "other", "perl", "php", "python", "ruby"]);
const LEVELS = ["fatal", "error", "warning", "info", "debug"];
const TAG_NAME = /^[a-zA-Z0-9_.:-]{1,200}$/;
const MAX_TAG_CHARS = 200;
const NEWLINE = 10;

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BadEnvelope(what);
}

function parseFields(bytes: Uint8Array, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new BadEnvelope(`${what} is no JSON`);
  }
  must(typeof value === "object" && value !== null && !Array.isArray(value), `${what} is no object`);
  return value as Fields;
}

interface Item {
  readonly headers: Fields;
  readonly payload: Uint8Array;
}

function readItem(bytes: Uint8Array, start: number): { readonly item: Item; readonly next: number } {
  const headerEnd = bytes.indexOf(NEWLINE, start);
  must(headerEnd !== -1, "an item without payload");
  const headers = parseFields(bytes.subarray(start, headerEnd), "item header");
  must(typeof headers.type === "string", "item without type");
  const { length } = headers;
  must(length === undefined || (Number.isInteger(length) && (length as number) >= 0), "bad length of an item");
  const newline = bytes.indexOf(NEWLINE, headerEnd + 1);
  const end = length === undefined ? (newline === -1 ? bytes.length : newline) : headerEnd + 1 + (length as number);
  must(end <= bytes.length, "an item is longer than the envelope");
  must(end === bytes.length || bytes[end] === NEWLINE, "no newline after an item");
  return { item: { headers, payload: bytes.subarray(headerEnd + 1, end) }, next: end + 1 };
}

function checkTags(tags: unknown): void {
  must(typeof tags === "object" && tags !== null, "tags are no object");
  for (const [name, value] of Object.entries(tags)) {
    must(TAG_NAME.test(name), `bad tag name ${name}`);
    must(typeof value === "string" && value !== "" && value.length <= MAX_TAG_CHARS, `bad value of tag ${name}`);
    must(!value.includes("\n"), `a newline in tag ${name}`);
  }
}

function checkFrame(frame: Fields): void {
  must(
    ["filename", "function", "module"].some((name) => typeof frame[name] === "string"),
    "an empty stack frame",
  );
  for (const name of ["lineno", "colno"]) {
    must(frame[name] === undefined || Number.isInteger(frame[name]), `bad ${name} of a stack frame`);
  }
  must(frame.in_app === undefined || typeof frame.in_app === "boolean", "bad in_app of a stack frame");
}

function checkException(exception: Fields): void {
  const { values } = exception as { values?: readonly Fields[] };
  must(Array.isArray(values) && values.length > 0, "exception without values");
  for (const { type, value, stacktrace, mechanism } of values) {
    must(typeof type === "string" || typeof value === "string", "exception without type and value");
    must(mechanism === undefined || typeof (mechanism as Fields).type === "string", "mechanism without type");
    if (stacktrace === undefined) continue;
    const { frames } = stacktrace as { frames?: readonly Fields[] };
    must(Array.isArray(frames) && frames.length > 0, "stack trace without frames");
    frames.forEach(checkFrame);
  }
}

function checkTrace(trace: Fields): void {
  must(typeof trace.trace_id === "string" && /^[0-9a-f]{32}$/.test(trace.trace_id), "bad trace_id");
  must(typeof trace.span_id === "string" && /^[0-9a-f]{16}$/.test(trace.span_id), "bad span_id");
}

function checkEvent(event: Fields): void {
  must(typeof event.event_id === "string" && /^[0-9a-f]{32}$/.test(event.event_id), "bad event_id");
  const { timestamp } = event;
  const seconds = typeof timestamp === "string" ? Date.parse(timestamp) / 1_000 : timestamp;
  must(typeof seconds === "number" && Math.abs(seconds - Date.now() / 1_000) < 24 * 60 * 60, "bad timestamp");
  must(PLATFORMS.includes(event.platform as string), "bad platform");
  must(event.level === undefined || LEVELS.includes(event.level as string), "bad level");
  for (const name of ["release", "environment", "server_name", "transaction"]) {
    must(event[name] === undefined || typeof event[name] === "string", `bad ${name}`);
  }
  if (event.tags !== undefined) checkTags(event.tags);
  if (event.exception !== undefined) checkException(event.exception as Fields);
  const trace = (event.contexts as Fields | undefined)?.trace;
  if (trace !== undefined) checkTrace(trace as Fields);
}

/**
 * The one event of an envelope (https://develop.sentry.dev/sdk/data-model/envelopes/): a line of headers, then items,
 * each a line of headers and a payload as long as they say, or to the end of the line. Throws {@link BadEnvelope}.
 */
export function parseEnvelope(bytes: Uint8Array): Fields {
  const end = bytes.indexOf(NEWLINE);
  must(end !== -1, "an envelope without items");
  const headers = parseFields(bytes.subarray(0, end), "envelope header");
  const events: Fields[] = [];
  for (let at = end + 1; at < bytes.length; ) {
    const { item, next } = readItem(bytes, at);
    must(item.headers.type === "event", `an item of type ${String(item.headers.type)}`);
    events.push(parseFields(item.payload, "event"));
    at = next;
  }
  const [event] = events;
  must(event !== undefined && events.length === 1, "an envelope has one event");
  checkEvent(event);
  must(headers.event_id === event.event_id, "the event_id of the envelope is another");
  return event;
}
