import { METHODS } from "hono/router";
import { createApiServices } from "./composition/services.ts";
import { createTelemetry, type TelemetryFactory } from "./composition/telemetry.ts";
import type { App } from "./http/app-type.ts";
import { registerDocs } from "./http/docs.ts";
import { cors } from "./http/middleware/cors.ts";
import { drainBody } from "./http/middleware/drain-body.ts";
import { rateLimitHeaders } from "./http/middleware/rate-limit.ts";
import { requestId } from "./http/middleware/request-id.ts";
import { securityHeaders } from "./http/middleware/security-headers.ts";
import { wideEvent } from "./http/middleware/wide-event.ts";
import { createOpenApiApp } from "./http/openapi.ts";
import { problemResponse, toAppError } from "./http/problem.ts";
import { AppError } from "./kernel/app-error.ts";
import { toTraceparent } from "./kernel/trace-context.ts";
import { registerAdmin } from "./modules/admin/index.ts";
import { registerAudit } from "./modules/audit/index.ts";
import { registerAuth } from "./modules/auth/index.ts";
import { registerConversions } from "./modules/conversions/index.ts";
import { registerImages } from "./modules/images/index.ts";
import { registerObservability } from "./modules/observability/index.ts";
import { registerPlans } from "./modules/plans/index.ts";
import { registerUsers } from "./modules/users/index.ts";

/** The methods some route answers at `path`, for the `Allow` header; empty when there is no such address. */
function allowedMethods(app: App, path: string): string[] {
  const allowed = METHODS.map((method) => method.toUpperCase()).filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );
  return allowed.includes("GET") ? [...allowed, "HEAD"] : allowed;
}

/** The HTTP API. `telemetry` is what requests tell of themselves through. */
export function createApp({ telemetry = createTelemetry }: { readonly telemetry?: TelemetryFactory } = {}): App {
  const app = createOpenApiApp();
  app.use(requestId, wideEvent(telemetry), securityHeaders, cors, drainBody, rateLimitHeaders, async (c, next) => {
    const origin = { requestId: c.get("requestId"), traceparent: toTraceparent(c.get("trace")) };
    c.set("services", createApiServices(c.env, c.executionCtx, { telemetry: c.get("telemetry"), origin }));
    await next();
  });

  registerAuth(app);
  registerUsers(app);
  registerAudit(app);
  registerAdmin(app);
  registerPlans(app);
  registerImages(app);
  registerConversions(app);
  registerObservability(app);
  registerDocs(app);

  app.notFound((c) => {
    const allow = allowedMethods(app, c.req.path);
    // A route that takes the method and found nothing has said so itself.
    const isTaken = allow.includes(c.req.method);
    const error =
      allow.length > 0 && !isTaken ? new AppError("method_not_allowed", { allow }) : new AppError("not_found");
    c.get("event").code = error.code;
    return problemResponse(c, error);
  });
  app.onError((error, c) => problemResponse(c, toAppError(error)));
  return app;
}
