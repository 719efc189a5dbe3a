import { jsonAnswer, type WireAnswer, type WireRequest } from "../http-fake.ts";
import { type PushFake, startPushFake } from "../telemetry-export/fake-push.ts";

export interface OtlpSpan {
  /** Of the resource, as plain values. */
  readonly resource: Readonly<Record<string, unknown>>;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: string;
  readonly endNs: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
}

export interface OtlpFakeOptions {
  readonly port?: number;
  /** Refuses requests without them. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly retryAfterSeconds?: number;
}

export interface OtlpFake extends PushFake {
  /** As they came, oldest first. */
  readonly spans: readonly OtlpSpan[];
  /** Of the next pushes that are kept, so many spans are called refused. */
  refuseSpans(count: number): void;
}

const UINT64_MAX = 2n ** 64n - 1n;
const INT64_MAX = 2n ** 63n;

class BadRequest extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadRequest(`${what} is no object`);
  }
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new BadRequest(`${what} is no list`);
  return value;
}

function hex(value: unknown, digits: number, what: string): string {
  if (typeof value !== "string" || !new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(value) || /^0+$/.test(value)) {
    throw new BadRequest(`${what} is no id of ${digits} hex digits`);
  }
  return value.toLowerCase();
}

function nanos(value: unknown, what: string): string {
  if (typeof value !== "string" || !/^\d{1,20}$/.test(value) || BigInt(value) > UINT64_MAX) {
    throw new BadRequest(`${what} is no string of nanoseconds`);
  }
  return value;
}

/** `AnyValue`, as far as it is flat: exactly one of its fields. */
function plainValue(value: unknown, key: string): unknown {
  const fields = Object.entries(fieldsOf(value, key));
  const [[type, given] = [], ...others] = fields;
  const isGood =
    others.length === 0 &&
    ((type === "stringValue" && typeof given === "string" && given.isWellFormed()) ||
      (type === "boolValue" && typeof given === "boolean") ||
      (type === "doubleValue" && typeof given === "number") ||
      (type === "intValue" && typeof given === "string" && /^-?\d{1,19}$/.test(given) && BigInt(given) < INT64_MAX));
  if (!isGood) throw new BadRequest(`${key}: ${JSON.stringify(value)} is no value`);
  return type === "intValue" ? Number(given) : given;
}

function attributesOf(value: unknown): Fields {
  const attributes = new Map<string, unknown>();
  for (const given of listOf(value ?? [], "attributes")) {
    const { key, value: held } = fieldsOf(given, "attribute");
    if (typeof key !== "string" || key === "" || attributes.has(key)) throw new BadRequest(`bad key ${String(key)}`);
    attributes.set(key, plainValue(held, key));
  }
  return Object.fromEntries(attributes);
}

function spanOf(value: unknown, resource: Fields): OtlpSpan {
  const span = fieldsOf(value, "span");
  const { name, kind, status = {} } = span;
  if (typeof name !== "string" || name === "" || !name.isWellFormed()) throw new BadRequest("a span has no name");
  if (!Number.isInteger(kind) || (kind as number) < 0 || (kind as number) > 5) throw new BadRequest("bad kind");
  const code = fieldsOf(status, "status").code ?? 0;
  if (code !== 0 && code !== 1 && code !== 2) throw new BadRequest("bad status");
  const startNs = nanos(span.startTimeUnixNano, "startTimeUnixNano");
  const endNs = nanos(span.endTimeUnixNano, "endTimeUnixNano");
  if (BigInt(startNs) > BigInt(endNs)) throw new BadRequest("a span ends before it starts");
  const parent = span.parentSpanId ?? "";
  return {
    resource,
    traceId: hex(span.traceId, 32, "traceId"),
    spanId: hex(span.spanId, 16, "spanId"),
    parentSpanId: parent === "" ? "" : hex(parent, 16, "parentSpanId"),
    name,
    kind: kind as number,
    startNs,
    endNs,
    attributes: attributesOf(span.attributes),
    status: code,
  };
}

function parseRequest(body: string): readonly OtlpSpan[] {
  const { resourceSpans } = fieldsOf(JSON.parse(body), "request");
  return listOf(resourceSpans, "resourceSpans").flatMap((group) => {
    const { resource, scopeSpans } = fieldsOf(group, "resourceSpans");
    const attributes = attributesOf(fieldsOf(resource ?? {}, "resource").attributes);
    return listOf(scopeSpans, "scopeSpans").flatMap((scope) => {
      const { spans } = fieldsOf(scope, "scopeSpans");
      return listOf(spans, "spans").map((span) => spanOf(span, attributes));
    });
  });
}

/** A collector's `POST /v1/traces` in JSON on the loopback (https://opentelemetry.io/docs/specs/otlp/#otlphttp). */
export async function startOtlpFake(options: OtlpFakeOptions = {}): Promise<OtlpFake> {
  const { headers: wanted = {}, ...rest } = options;
  const spans: OtlpSpan[] = [];
  let toRefuse = 0;

  function check({ headers, body }: WireRequest): WireAnswer | null {
    if (Object.entries(wanted).some(([name, value]) => headers[name.toLowerCase()] !== value)) {
      return jsonAnswer(401, { code: 16, message: "unauthenticated" });
    }
    if (headers["content-type"] !== "application/json") return jsonAnswer(415, { code: 3, message: "media type" });
    try {
      parseRequest(body);
      return null;
    } catch (error) {
      return jsonAnswer(400, { code: 3, message: error instanceof Error ? error.message : "bad request" });
    }
  }

  function keep(body: string): WireAnswer {
    const given = parseRequest(body);
    const refused = Math.min(toRefuse, given.length);
    toRefuse -= refused;
    spans.push(...given.slice(refused));
    if (refused === 0) return jsonAnswer(200, { partialSuccess: {} });
    return jsonAnswer(200, { partialSuccess: { rejectedSpans: String(refused), errorMessage: "too many" } });
  }

  const forget = () => {
    spans.length = 0;
    toRefuse = 0;
  };
  const refuseSpans = (count: number) => {
    toRefuse = count;
  };
  const fake = await startPushFake({ ...rest, path: "/v1/traces", check, keep, kept: () => ({ spans }), forget });
  return { ...fake, spans, refuseSpans };
}
