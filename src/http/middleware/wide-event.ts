import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { configOf } from "../../composition/config.ts";
import { ConfigError } from "../../kernel/config-error.ts";
import { describeError } from "../../kernel/describe-error.ts";
import { createLogger, type Logger } from "../../kernel/logger.ts";
import type { AppEnv } from "../app-type.ts";
import { toAppError } from "../problem.ts";

function loggerFor(env: ApiEnv): Logger {
  try {
    return createLogger(configOf(env, "api").log, { service: "api" });
  } catch {
    return createLogger({ level: "info", format: "json" }, { service: "api" });
  }
}

/** The full template of the route that answers, `/*` when none does. */
function routeTemplate(c: Parameters<MiddlewareHandler<AppEnv>>[0]): string {
  const route = matchedRoutes(c).findLast((match) => match.method !== "ALL");
  return route ? route.path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}") : "/*";
}

/** Internal text of a failure for operators. Values bound to a query never get here: drivers' causes are not printed. */
function failureText(cause: unknown): string | undefined {
  if (cause instanceof ConfigError) return cause.message;
  return cause === undefined ? undefined : describeError(cause);
}

/** One log event a request, whatever became of it. */
export const wideEvent: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now();
  c.set("event", {});
  await next();
  const thrown = c.error;
  const error = thrown === undefined ? null : toAppError(thrown);
  const status = c.res.status;
  loggerFor(c.env).log(status >= 500 ? "error" : "info", "request", {
    requestId: c.get("requestId"),
    method: c.req.method,
    route: routeTemplate(c),
    status,
    durationMs: Date.now() - startedAt,
    ray: c.req.header("CF-Ray"),
    code: error?.code,
    cause: error && status >= 500 ? failureText(error.options.cause) : undefined,
    ...c.get("event"),
  });
};
