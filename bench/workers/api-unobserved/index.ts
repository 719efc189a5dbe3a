import { createApp } from "../../../src/app.ts";
import type { TelemetryFactory } from "../../../src/composition/telemetry.ts";
import { noAnalytics } from "../../../src/ports/analytics.ts";
import { noErrorReporter } from "../../../src/ports/error-reporter.ts";
import { noMetrics } from "../../../src/ports/metrics.ts";
import { noTracer } from "../../../src/ports/tracer.ts";

export { RateLimiter, UserSessions } from "../../../durable-objects/index.ts";

const silent: TelemetryFactory = (_env, { context }) => ({
  logger: { log() {} },
  metrics: noMetrics,
  tracer: noTracer,
  errors: noErrorReporter,
  alerts: { raise() {} },
  analytics: noAnalytics,
  background: (task) => context.waitUntil(task.catch(() => {})),
  flushMetrics: async () => {},
});

/** The very app of the api. Only its telemetry is another: none. */
export default { fetch: createApp({ telemetry: silent }).fetch } satisfies ExportedHandler<ApiEnv>;
