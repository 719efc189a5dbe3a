import type { AlertDeskApi } from "../../durable-objects/alert-desk/contract.ts";
import type { Background } from "../kernel/background.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Config } from "../kernel/config.ts";
import { ConfigError } from "../kernel/config-error.ts";
import { describeError } from "../kernel/describe-error.ts";
import { createLogger, type Logger } from "../kernel/logger.ts";
import { metricsLoss, type WatchInvocationsDeps } from "../modules/observability/jobs.ts";
import type { Alerts } from "../ports/alerts.ts";
import { noErrorReporter } from "../ports/error-reporter.ts";
import { type Metrics, noMetrics } from "../ports/metrics.ts";
import type { LogLine, Span } from "../ports/telemetry-export.ts";
import { metricsRecorder, type OnLoss } from "../providers/cloudflare/metrics-recorder.ts";
import { createQueueAlerts } from "../providers/cloudflare/queue-alerts.ts";
import { createLokiShipper } from "../providers/loki/loki.ts";
import { createOtlpShipper } from "../providers/otlp/otlp.ts";
import type { Shipper } from "../providers/telemetry-export/shipper.ts";
import { ALERT_DESK_NAME, type AlertConsumerDeps } from "../queues/alerts.consumer.ts";
import { configOf } from "./config.ts";

/** The bindings it goes through, as far as they are used. */
interface TailBindings {
  readonly METRICS_SHARD: object | undefined;
  readonly ALERT_DESK: { getByName(name: string): AlertDeskApi };
  readonly ALERT_QUEUE: Pick<Queue, "send">;
}

/** One of each for an isolate: all its invocations share a buffer. */
interface Shippers {
  readonly loki: Shipper<LogLine> | null;
  readonly otlp: Shipper<Span> | null;
}

const shippers = new WeakMap<object, Shippers>();
const told = new WeakSet<object>();

function shippersOf(env: object, { environment, telemetry: { loki, otlp } }: Config): Shippers {
  let isolates = shippers.get(env);
  if (isolates === undefined) {
    isolates = {
      loki: loki === null ? null : createLokiShipper({ ...loki, environment }),
      otlp: otlp === null ? null : createOtlpShipper({ ...otlp, environment }),
    };
    shippers.set(env, isolates);
  }
  return isolates;
}

/** Null, and one line an isolate, while the configuration is bad: what can be done without it must go on. */
function configOrNull(env: object, logger: Logger): Config | null {
  try {
    return configOf(env, "tail");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (!told.has(env)) logger.log("error", "tail not configured", { cause: describeError(error) });
    told.add(env);
    return null;
  }
}

/** What is counted goes nowhere while the configuration is bad, or without the binding. */
function metricsOf(env: TailBindings, config: Config | null, background: Background, onLoss: OnLoss): Metrics {
  if (config === null || env.METRICS_SHARD === undefined) return noMetrics;
  const { windowMs, shards } = config.telemetry.metrics;
  return metricsRecorder(env.METRICS_SHARD, { worker: "tail", windowMs, shards }).within(background, onLoss);
}

export type TailServices = WatchInvocationsDeps & AlertConsumerDeps;

/** Always JSON, and there while the configuration is bad. */
const logger = createLogger({ level: "info", format: "json" }, { service: "tail" });

/** The tail Worker's services. */
export function createTailServices(
  env: TailBindings,
  context: Pick<ExecutionContext, "waitUntil">,
  given: Partial<Pick<WatchInvocationsDeps, "metrics" | "alerts">> = {},
): TailServices {
  const config = configOrNull(env, logger);
  const background: Background = (task) => {
    context.waitUntil(
      task.catch((error: unknown) => {
        logger.log("warn", "background task failed", { cause: describeError(error) });
      }),
    );
  };
  const onLoss: OnLoss = (samples) => alerts.raise(metricsLoss("tail", samples));
  const { metrics = metricsOf(env, config, background, onLoss) } = given;
  // Made when there is one to raise: there is an invocation of this Worker for every one of the others.
  const own: Alerts = {
    raise: (alert) => createQueueAlerts(env.ALERT_QUEUE, { logger, background, metrics, worker: "tail" }).raise(alert),
  };
  const { alerts = own } = given;
  const { loki, otlp } = config === null ? { loki: null, otlp: null } : shippersOf(env, config);
  const shared = { metrics, logger };
  return {
    logger,
    clock: systemClock,
    metrics,
    errors: noErrorReporter,
    alerts,
    background,
    lines: loki?.within(shared) ?? null,
    spans: otlp?.within(shared) ?? null,
    desk: () => env.ALERT_DESK.getByName(ALERT_DESK_NAME),
  };
}
