/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): which trace something belongs to, and the span it is part
 * of. `traceId` has 32 hex digits, `spanId` 16.
 */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** Where a piece of work came from: travels with queue messages and stays with a conversion's row. */
export interface Origin {
  readonly requestId: string;
  readonly traceparent: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

const TRACE_DIGITS = 32;

export function newTrace(): TraceContext {
  const digits = randomHex(24);
  return { traceId: digits.slice(0, TRACE_DIGITS), spanId: digits.slice(TRACE_DIGITS) };
}

/** A new span of the same trace; of a new trace where there is none. */
export function childOf(parent: TraceContext | null): TraceContext {
  return parent === null ? newTrace() : { traceId: parent.traceId, spanId: randomHex(8) };
}

/** The context of a `traceparent` header, or null when it is none. Versions to come may add to it, never change it. */
export function parseTraceparent(header: string | null | undefined): TraceContext | null {
  const match = header ? TRACEPARENT.exec(header) : null;
  if (match === null) return null;
  const [, version = "", traceId = "", spanId = "", rest] = match;
  const isInvalid = version === "ff" || (version === "00" && rest !== undefined);
  return isInvalid || ZEROS.test(traceId) || ZEROS.test(spanId) ? null : { traceId, spanId };
}

/** The header that names `context` as the parent; always sampled. */
export function toTraceparent({ traceId, spanId }: TraceContext): string {
  return `00-${traceId}-${spanId}-01`;
}
