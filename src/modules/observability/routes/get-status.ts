import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problemSchema, problems, publicAccess } from "../../../http/openapi.ts";
import { statusSchema } from "../schemas.ts";
import { serializeStatus } from "../serialize.ts";
import { getStatus } from "../service/get-status.ts";

/** When the next round of probes may tell something else. */
const RETRY_AFTER_SECONDS = 10;

const route = createRoute({
  method: "get",
  path: "/api/status",
  operationId: "getStatus",
  tags: ["Operations"],
  summary: "What works and what doesn't",
  description:
    "Every dependency is asked, for at most 1.5 seconds, and the answer kept for ten. `degraded` is still a 200: some " +
    "things wait or are made by another provider. `down` is a 503: the database, the object store, the Durable Objects " +
    "or the password hasher can't be reached.",
  ...publicAccess,
  responses: {
    200: json(statusSchema, "`ok` or `degraded`."),
    ...problems("misconfigured"),
    503: {
      description: "`down`; or a problem, when not even that could be found out.",
      headers: {
        "Retry-After": { description: "Seconds to wait before trying again.", schema: { type: "integer" as const } },
      },
      content: {
        "application/json": { schema: statusSchema },
        "application/problem+json": { schema: problemSchema },
      },
    },
  },
});

export function registerGetStatus(app: App): void {
  app.openapi(route, async (c) => {
    const report = await getStatus(c.get("services"));
    const body = serializeStatus(report);
    if (report.status !== "down") return c.json(body, 200);
    return c.json(body, 503, { "Retry-After": String(RETRY_AFTER_SECONDS) });
  });
}
