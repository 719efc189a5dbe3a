import type { Background } from "../kernel/background.ts";
import type { Config } from "../kernel/config.ts";
import { describeError } from "../kernel/describe-error.ts";
import { createLogger, type LogFields, type Logger } from "../kernel/logger.ts";
import { VERSION } from "../kernel/version.ts";
import { metricsLoss } from "../modules/observability/index.ts";
import type { Alerts } from "../ports/alerts.ts";
import type { Analytics } from "../ports/analytics.ts";
import { type ErrorReporter, noErrorReporter } from "../ports/error-reporter.ts";
import { type Metrics, noMetrics } from "../ports/metrics.ts";
import type { Tracer } from "../ports/tracer.ts";
import { createAnalytics } from "../providers/cloudflare/analytics.ts";
import { metricsRecorder } from "../providers/cloudflare/metrics-recorder.ts";
import { createQueueAlerts } from "../providers/cloudflare/queue-alerts.ts";
import { platformTracer } from "../providers/cloudflare/tracer.ts";
import { createSentryReporter } from "../providers/sentry/sentry-error-reporter.ts";

/** What an invocation tells of itself. */
export interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly errors: ErrorReporter;
  readonly alerts: Alerts;
  readonly analytics: Analytics;
  readonly background: Background;
  /** Hands on what this isolate has counted, as far as that goes in `timeoutMs`. */
  readonly flushMetrics: (timeoutMs: number) => Promise<void>;
}

/** The bindings it goes through. */
export interface TelemetryBindings {
  /** Without it nothing is counted, and all else goes on. */
  readonly METRICS_SHARD: object | undefined;
  readonly ALERT_QUEUE: Queue;
  readonly ANALYTICS: AnalyticsEngineDataset;
  /** Which of the deployed versions this is. */
  readonly VERSION_METADATA: WorkerVersionMetadata;
}

export interface TelemetryOptions {
  readonly worker: "api" | "consumer";
  readonly config: Config;
  readonly context: Pick<ExecutionContext, "waitUntil">;
  /** In every event of the log: what it is found by. */
  readonly fields: LogFields;
}

export type TelemetryFactory = (env: TelemetryBindings, options: TelemetryOptions) => Telemetry;

/** Work after the answer: a failure of it is told to the log alone. */
function backgroundOf(context: TelemetryOptions["context"], logger: Logger): Background {
  return (task) => {
    const told = task.catch((error: unknown) => {
      logger.log("warn", "background task failed", { cause: describeError(error) });
    });
    try {
      context.waitUntil(told);
    } catch {
      // The invocation is over: the task goes on for as long as the isolate lets it.
    }
  };
}

/** The telemetry of one invocation. */
export const createTelemetry: TelemetryFactory = (env, options) => {
  const { worker, config, context, fields } = options;
  const { environment, telemetry } = config;
  const logger = createLogger(config.log, { service: worker, ...fields });
  const background = backgroundOf(context, logger);
  const { windowMs, shards } = telemetry.metrics;
  const recorder =
    env.METRICS_SHARD === undefined ? null : metricsRecorder(env.METRICS_SHARD, { worker, windowMs, shards });
  const metrics = recorder?.within(background, (samples) => onLoss(samples)) ?? noMetrics;
  const alerts = createQueueAlerts(env.ALERT_QUEUE, { logger, background, metrics, worker });
  const onLoss = (samples: number) => alerts.raise(metricsLoss(worker, samples));
  const errors =
    telemetry.sentry === null
      ? noErrorReporter
      : createSentryReporter({ ...telemetry.sentry, release: VERSION, environment, worker }, { background, metrics });
  return {
    logger,
    metrics,
    tracer: platformTracer,
    errors,
    alerts,
    analytics: createAnalytics(env.ANALYTICS, env.VERSION_METADATA.id),
    background,
    flushMetrics: async (timeoutMs) => recorder?.flush(timeoutMs, onLoss),
  };
};
