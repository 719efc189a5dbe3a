import { createRoute, z } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { bearerToken } from "../../../http/middleware/authenticate.ts";
import { operatorAccess, problems } from "../../../http/openapi.ts";
import { AppError } from "../../../kernel/app-error.ts";
import { isSameSecret } from "../../../kernel/same-secret.ts";
import { EXPOSITION_CONTENT_TYPE } from "../exposition.ts";
import { collectMetrics } from "../service/collect-metrics.ts";

const route = createRoute({
  method: "get",
  path: "/api/metrics",
  operationId: "getMetrics",
  tags: ["Operations"],
  summary: "Metrics for Prometheus",
  description:
    "Text format 0.0.4. Series that isolates count have a `shard` label: add them up with `sum without (shard)`. " +
    "Where `METRICS_TOKEN` is set it is asked for as a bearer token; without it, only in development does anybody get in.",
  ...operatorAccess,
  responses: {
    200: {
      description: "All metrics.",
      content: { "text/plain": { schema: z.string() } },
    },
    ...problems("unauthenticated", "misconfigured"),
  },
});

export function registerGetMetrics(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { environment, telemetry } = services.config;
    const { token } = telemetry.metrics;
    const given = bearerToken(c.req.header("Authorization"));
    const isAllowed = token === null ? environment === "development" : await isSameSecret(given ?? "", token);
    if (!isAllowed) throw new AppError("unauthenticated", { detail: "METRICS_TOKEN is needed as a bearer token." });
    const text = await collectMetrics(services);
    return c.text(text, 200, { "Content-Type": EXPOSITION_CONTENT_TYPE, "Cache-Control": "no-store" });
  });
}
