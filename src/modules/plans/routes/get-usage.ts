import { createRoute, z } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { toTimestamp } from "../../../kernel/clock.ts";
import { getUsage } from "../service/get-usage.ts";

const usageSchema = z
  .object({
    plan: z.string(),
    period: z.string().openapi({ example: "2026-11" }),
    conversions: z.object({
      limit: z.int(),
      used: z.int(),
      reserved: z.int(),
      remaining: z.int(),
      resetsAt: z.iso.datetime(),
    }),
  })
  .openapi("Usage");

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
  app.openapi(route, async (c) => {
    const { plan, period, resetsAt, ...units } = await getUsage(c.get("services"), c.get("actor"));
    return c.json({ plan, period, conversions: { ...units, resetsAt: toTimestamp(resetsAt) } }, 200);
  });
}
