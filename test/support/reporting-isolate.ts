import type { ErrorContext } from "../../src/ports/error-reporter.ts";
import { type SentryFake, startSentryFake } from "../../src/providers/sentry/fake.ts";
import {
  createSentryReporter,
  type SentryConfig,
  type SentryDeps,
} from "../../src/providers/sentry/sentry-error-reporter.ts";
import { countingMetrics } from "./counting-metrics.ts";

export const CONTEXT: ErrorContext = {
  requestId: "req_01KBTEST",
  traceId: "0af7651916cd43dd8448eb211c80319c",
  conversionId: "cnv_01KBTEST",
  userId: "usr_01KBTEST",
  where: "/api/conversions/{id}",
};

interface SentException {
  readonly type: string;
  readonly value: string;
  readonly stacktrace?: { readonly frames: readonly { readonly function: string; readonly filename: string }[] };
}

/** The only exception of an event. */
export function exceptionOf(event: unknown): SentException {
  const { values } = (event as { exception: { values: readonly SentException[] } }).exception;
  if (values.length !== 1 || values[0] === undefined) throw new Error(`${values.length} exceptions`);
  return values[0];
}

/** An isolate, a Sentry for it alone, and a clock that stands still until it is moved. */
export class ReportingIsolate {
  readonly metrics = countingMetrics();
  nowMs = Date.now();
  readonly #tasks: Promise<unknown>[] = [];

  readonly fake: SentryFake;

  private constructor(fake: SentryFake) {
    this.fake = fake;
  }

  static async start(): Promise<ReportingIsolate> {
    return new ReportingIsolate(await startSentryFake());
  }

  /** A reporter as one request has it. */
  reporter(config: Partial<SentryConfig> = {}, deps: Partial<SentryDeps> = {}) {
    return createSentryReporter(
      { dsn: this.fake.dsn, sampleRate: 1, release: "1.2.3", environment: "production", worker: "api", ...config },
      {
        background: (task) => void this.#tasks.push(task),
        metrics: this.metrics,
        clock: { now: () => this.nowMs },
        ...deps,
      },
    );
  }

  /** The end of all background work. Rejects where any of it does. */
  async settled(): Promise<void> {
    await Promise.all(this.#tasks);
  }

  async report(error: unknown, context = CONTEXT, from = this.reporter()): Promise<void> {
    from.report(error, context);
    await this.settled();
  }

  outcomes() {
    const of = (outcome: string) => this.metrics.counts()[`telemetry_items_total sentry ${outcome}`] ?? 0;
    return { sent: of("sent"), dropped: of("dropped"), sampledOut: of("sampled_out") };
  }
}
