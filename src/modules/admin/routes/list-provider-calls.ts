import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminAccess, idParam, json, problems } from "../../../http/openapi.ts";
import { providerCallListSchema } from "../schemas.ts";
import { serializeCall } from "../serialize.ts";
import { listProviderCalls } from "../service/list-provider-calls.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/conversions/{id}/calls",
  operationId: "listProviderCalls",
  tags: ["Admin"],
  summary: "The calls of providers that a conversion came to",
  description: "In the order they were made; kept for 90 days. The local engine makes none.",
  ...adminAccess,
  request: { params: idParam },
  responses: {
    200: json(providerCallListSchema, "All of them."),
    ...problems("unauthenticated", "forbidden", "conversion_not_found"),
  },
});

export function registerListProviderCalls(app: App): void {
  app.openapi(route, async (c) => {
    const calls = await listProviderCalls(c.get("services"), c.req.valid("param").id);
    return c.json({ items: calls.map(serializeCall), nextCursor: null }, 200);
  });
}
