import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminAccess, json, problems } from "../../../http/openapi.ts";
import { costListSchema, listCostsQuerySchema } from "../schemas.ts";
import { serializeCosts } from "../serialize.ts";
import { listCosts } from "../service/list-costs.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/costs",
  operationId: "listCosts",
  tags: ["Admin"],
  summary: "What the calls of providers cost, by day and model",
  description: "At most 92 days, the latest first. Calls under way count as what they are expected to cost.",
  ...adminAccess,
  request: { query: listCostsQuerySchema },
  responses: {
    200: json(costListSchema, "All days of the range on which there were calls."),
    ...problems("unauthenticated", "forbidden", "validation_failed"),
  },
});

export function registerListCosts(app: App): void {
  app.openapi(route, async (c) => {
    const { from, to } = c.req.valid("query");
    return c.json(serializeCosts(await listCosts(c.get("services"), { from, to })), 200);
  });
}
