import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { METHODS } from "hono/router";
import { configOf } from "../../composition/config.ts";
import type { Telemetry, TelemetryFactory } from "../../composition/telemetry.ts";
import type { AppError } from "../../kernel/app-error.ts";
import { ConfigError } from "../../kernel/config-error.ts";
import { describeError } from "../../kernel/describe-error.ts";
import { createLogger, type LogFields, type Logger } from "../../kernel/logger.ts";
import { toTraceparent } from "../../kernel/trace-context.ts";
import { joinPlatformTrace } from "../../providers/cloudflare/tracer.ts";
import type { AppEnv } from "../app-type.ts";
import { toAppError } from "../problem.ts";

const KNOWN_METHODS = new Set([...METHODS.map((method) => method.toUpperCase()), "HEAD"]);

/** The full template of the route that answers, `/*` when none does. */
export function routeTemplate(c: Context<AppEnv>): string {
  const route = matchedRoutes(c).findLast((match) => match.method !== "ALL");
  return route ? route.path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}") : "/*";
}

const ID_FIELDS: Readonly<Record<string, string>> = { cnv: "conversionId", img: "imageId" };

/** What a request is about, so that its event is found by it: ids of ours that stand in the path. */
function idsOf(path: string): LogFields {
  const [, id, prefix] = /\/((cnv|img)_[0-9A-HJKMNP-TV-Z]{26})(?:\/|$)/.exec(path) ?? [];
  return id === undefined ? {} : { [ID_FIELDS[prefix ?? ""] ?? "id"]: id };
}

/** Cloudflare's id of the request; anybody may send one to a machine that is not Cloudflare's. */
function rayOf(c: Context<AppEnv>): string | undefined {
  const ray = c.req.header("CF-Ray");
  return ray !== undefined && /^[0-9a-f]{16}(-[A-Z]{3})?$/.test(ray) ? ray : undefined;
}

/** Internal text of a failure for operators. Values bound to a query never get here: drivers' causes are not printed. */
function failureText(cause: unknown): string | undefined {
  if (cause instanceof ConfigError) return cause.message;
  return cause === undefined ? undefined : describeError(cause);
}

interface Outcome {
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly error: AppError | null;
}

/** What is counted of a request, beside its event of the log. */
function record(c: Context<AppEnv>, telemetry: Telemetry, { route, status, durationMs, error }: Outcome): void {
  // Anything may call itself a method.
  const method = KNOWN_METHODS.has(c.req.method) ? c.req.method : "OTHER";
  telemetry.metrics.count("http_requests_total", { method, route, status: String(status) });
  telemetry.metrics.time("http_request_duration_seconds", { method, route }, durationMs);
  const country = (c.req.raw.cf as { country?: string } | undefined)?.country ?? "";
  const code = error?.code ?? String(c.get("event").code ?? "");
  telemetry.analytics.write({ kind: "request", method, route, status, code, country, durationMs });
  if (error?.code !== "internal_error") return;
  const [requestId, trace, event] = [c.get("requestId"), c.get("trace"), c.get("event")];
  const userId = typeof event.userId === "string" ? event.userId : undefined;
  telemetry.errors.report(error.options.cause ?? error, { requestId, traceId: trace.traceId, userId, where: route });
}

/** Null while the configuration is bad. */
function telemetryOf(c: Context<AppEnv>, factory: TelemetryFactory, fields: LogFields): Telemetry | null {
  try {
    const config = configOf(c.env, "api");
    return factory(c.env, { worker: "api", config, context: c.executionCtx, fields });
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** For what goes wrong before there is a configuration. */
function plainLogger(fields: LogFields): Logger {
  return createLogger({ level: "info", format: "json" }, { service: "api", ...fields });
}

/** One log event a request, whatever became of it, and its metrics. */
export function wideEvent(factory: TelemetryFactory): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startedAt = Date.now();
    const [requestId, trace, parentSpanId] = [c.get("requestId"), c.get("trace"), c.get("parentSpanId")];
    const fields = { requestId, traceId: trace.traceId };
    const telemetry = telemetryOf(c, factory, fields);
    if (telemetry !== null) c.set("telemetry", telemetry);
    c.set("event", {});
    joinPlatformTrace({ "aistyler.request_id": requestId, "aistyler.traceparent": toTraceparent(trace) });
    await next();
    const error = c.error === undefined ? null : toAppError(c.error);
    const { status } = c.res;
    const outcome: Outcome = { route: routeTemplate(c), status, durationMs: Date.now() - startedAt, error };
    (telemetry?.logger ?? plainLogger(fields)).log(status >= 500 ? "error" : "info", "request", {
      spanId: trace.spanId,
      parentSpanId: parentSpanId ?? undefined,
      method: c.req.method,
      route: outcome.route,
      status,
      durationMs: outcome.durationMs,
      ray: rayOf(c),
      ...idsOf(c.req.path),
      code: error?.code,
      cause: error && status >= 500 ? failureText(error.options.cause) : undefined,
      ...c.get("event"),
    });
    if (telemetry !== null) record(c, telemetry, outcome);
  };
}
