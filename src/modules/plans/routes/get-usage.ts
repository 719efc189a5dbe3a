import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { serializeUsage, usageSchema } from "../schemas.ts";
import { getUsage } from "../service/get-usage.ts";

const route = createRoute({
  method: "get",
  path: "/api/users/me/usage",
  operationId: "getUsage",
  tags: ["Users"],
  summary: "What you have used of this month's conversions",
  description: "A unit is reserved when a conversion is created, used when it succeeds, and released otherwise.",
  ...userAccess,
  responses: { 200: json(usageSchema, "This period's usage."), ...problems("unauthenticated") },
});

export function registerGetUsage(app: App): void {
  app.openapi(route, async (c) => c.json(serializeUsage(await getUsage(c.get("services"), c.get("actor"))), 200));
}
