import { clipText } from "../../kernel/clip-text.ts";
import type { Span, SpanKind } from "../../ports/telemetry-export.ts";
import type { LogEvent } from "./log-event.ts";

type AttributeValue = string | number | boolean;

/** What the span itself tells. */
const NO_ATTRIBUTES: ReadonlySet<string> = new Set([
  "time",
  "level",
  "msg",
  "service",
  "traceId",
  "spanId",
  "parentSpanId",
  "durationMs",
]);
/**
 * Fields that OpenTelemetry has a name for (https://opentelemetry.io/docs/specs/semconv/); others keep their own.
 */
const SEMANTIC_NAMES: ReadonlyMap<string, string> = new Map([
  ["method", "http.request.method"],
  ["route", "http.route"],
  ["status", "http.response.status_code"],
  ["queue", "messaging.destination.name"],
  ["messageId", "messaging.message.id"],
  ["provider", "gen_ai.provider.name"],
  ["model", "gen_ai.request.model"],
  ["code", "error.type"],
]);
/** A time that is further from when the line was logged is none. */
const DAY_MS = 24 * 60 * 60_000;
const MAX_ATTRIBUTES = 64;
const MAX_VALUE_CHARS = 4_096;
const MAX_NAME_CHARS = 256;
const TRACE_ID = /^(?!0+$)[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0+$)[0-9a-f]{16}$/;

function textOf(event: LogEvent, name: string, otherwise = ""): string {
  const value = event.get(name);
  return typeof value === "string" ? value : otherwise;
}

function idOf(event: LogEvent, name: string, pattern: RegExp): string | null {
  const value = textOf(event, name);
  return pattern.test(value) ? value : null;
}

function describe(event: LogEvent): { readonly name: string; readonly kind: SpanKind } {
  const message = textOf(event, "msg");
  switch (message) {
    case "request":
      return { name: `${textOf(event, "method", "HTTP")} ${textOf(event, "route", "/*")}`, kind: "server" };
    case "message":
    case "queue message failed":
      return { name: `process ${textOf(event, "queue", "a queue")}`, kind: "consumer" };
    case "provider call":
      return { name: `call ${textOf(event, "provider", "a provider")}`, kind: "client" };
    default:
      return { name: message === "" ? "event" : message, kind: "internal" };
  }
}

function isFlat(value: unknown): value is AttributeValue {
  return (
    typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
  );
}

/** A status is HTTP's where it is a number: a conversion's is a word. */
function attributeName(field: string, value: AttributeValue): string {
  if (field === "status" && typeof value !== "number") return field;
  return SEMANTIC_NAMES.get(field) ?? field;
}

function attributesOf(event: LogEvent, kind: SpanKind): Span["attributes"] {
  const attributes = new Map<string, AttributeValue>();
  if (kind === "consumer") attributes.set("messaging.system", "cloudflare_queues");
  for (const [field, value] of event) {
    if (field === "" || NO_ATTRIBUTES.has(field) || !isFlat(value)) continue;
    if (attributes.size === MAX_ATTRIBUTES) break;
    const name = clipText(attributeName(field, value), MAX_NAME_CHARS);
    attributes.set(name, typeof value === "string" ? clipText(value, MAX_VALUE_CHARS) : value);
  }
  return attributes;
}

/** The span an event tells of: it ended when it was logged, and lasted `durationMs`. Null for other events. */
export function toSpan(service: string, event: LogEvent, loggedAt: number): Span | null {
  const traceId = idOf(event, "traceId", TRACE_ID);
  const spanId = idOf(event, "spanId", SPAN_ID);
  const durationMs = event.get("durationMs");
  if (traceId === null || spanId === null || typeof durationMs !== "number" || !(durationMs >= 0)) return null;
  const toldAt = Date.parse(textOf(event, "time"));
  const endedAt = Math.abs(toldAt - loggedAt) <= DAY_MS ? toldAt : loggedAt;
  const { name, kind } = describe(event);
  return {
    service,
    traceId,
    spanId,
    parentSpanId: idOf(event, "parentSpanId", SPAN_ID),
    name: clipText(name, MAX_NAME_CHARS),
    kind,
    startedAt: Math.max(0, endedAt - durationMs),
    endedAt,
    attributes: attributesOf(event, kind),
    isError: event.get("level") === "error" || (kind === "client" && event.get("outcome") !== "success"),
  };
}
