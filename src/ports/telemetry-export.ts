import type { LogLevel } from "../kernel/logger.ts";

/** A line that a Worker has logged. */
export interface LogLine {
  /** The Worker, without the prefix of all names. */
  readonly service: string;
  readonly level: LogLevel;
  /** Epoch ms. */
  readonly at: number;
  /** Well-formed, and without what must not be told. */
  readonly text: string;
  /** What the line is found by, beside its text. */
  readonly ids: Readonly<Partial<Record<"requestId" | "traceId" | "conversionId", string>>>;
}

export type SpanKind = "internal" | "server" | "client" | "consumer";

/** A stretch of work, as an event of the log tells of it. */
export interface Span {
  /** The Worker, without the prefix of all names. */
  readonly service: string;
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: SpanKind;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: ReadonlyMap<string, string | number | boolean>;
  readonly isError: boolean;
}

/** Hands items on to another system, in bulk. Each is counted once in `telemetry_items_total`: sent, or dropped. */
export interface TelemetryExport<T> {
  /** Keeps the items for a push to come. Never throws, never waits. What there is no room for is dropped, oldest first. */
  add(items: readonly T[]): void;
  /**
   * Pushes what is due, and waits a while for what will be; never rejects, and ends within 25 s. Any invocation may call
   * it at any time: a few see to the items of all.
   */
  ship(): Promise<void>;
}
