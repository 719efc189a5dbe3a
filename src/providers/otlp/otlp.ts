import type { Environment } from "../../kernel/config.ts";
import { VERSION } from "../../kernel/version.ts";
import type { Span, SpanKind } from "../../ports/telemetry-export.ts";
import { SHIPPER_LIMITS, Shipper, type ShipperLimits } from "../telemetry-export/shipper.ts";

export interface OtlpOptions {
  /** As far as `/v1/traces`, or with it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly environment: Environment;
  readonly limits?: ShipperLimits;
}

const TRACES_PATH = "/v1/traces";
const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3, consumer: 5 };
const STATUS_ERROR = 2;

type AttributeValue = string | number | boolean;

function tracesUrl(url: string): string {
  const base = url.replace(/\/+$/, "");
  return base.endsWith(TRACES_PATH) ? base : base + TRACES_PATH;
}

/** `AnyValue` in protobuf's JSON: 64-bit numbers are text. */
function anyValue(value: AttributeValue) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

function attributes(values: Iterable<readonly [string, AttributeValue]>) {
  return [...values].map(([key, value]) => ({ key, value: anyValue(value) }));
}

/** Epoch nanoseconds as text. */
function nanoseconds(ms: number): string {
  return ms < 1 ? "0" : `${Math.floor(ms)}${String(Math.floor((ms % 1) * 1_000_000)).padStart(6, "0")}`;
}

function toOtlp(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(span.endedAt),
    attributes: attributes(span.attributes),
    status: span.isError ? { code: STATUS_ERROR } : {},
  };
}

/**
 * Spans on their way to a collector, by OTLP over HTTP in JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp). One
 * for each isolate.
 */
export function createOtlpShipper(options: OtlpOptions): Shipper<Span> {
  const { headers, environment, limits = SHIPPER_LIMITS } = options;
  const url = tracesUrl(options.url);
  return new Shipper<Span>(
    {
      exporter: "otlp",
      encode(span) {
        const resource = attributes([
          ["service.name", `ai-styler-${span.service}`],
          ["service.version", VERSION],
          ["deployment.environment.name", environment],
        ]);
        const json = JSON.stringify(toOtlp(span));
        return { group: JSON.stringify({ attributes: resource }), order: "", json };
      },
      request(groups) {
        const scope = JSON.stringify({ name: "ai-styler", version: VERSION });
        const spans = [...groups].map(
          ([resource, all]) => `{"resource":${resource},"scopeSpans":[{"scope":${scope},"spans":[${all.join(",")}]}]}`,
        );
        return { url, headers, body: `{"resourceSpans":[${spans.join(",")}]}` };
      },
      refusedIn(body) {
        const partial = body?.partialSuccess;
        if (typeof partial !== "object" || partial === null || !("rejectedSpans" in partial)) return 0;
        const refused = Number(partial.rejectedSpans);
        return Number.isSafeInteger(refused) ? refused : 0;
      },
    },
    limits,
  );
}
