import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { idParam, problems, userCommand } from "../../../http/openapi.ts";
import { deleteConversion } from "../service/delete-conversion.ts";

const route = createRoute({
  method: "delete",
  path: "/api/conversions/{id}",
  operationId: "deleteConversion",
  tags: ["Conversions"],
  summary: "Delete a conversion and its result",
  description: "An active conversion is canceled and its unit released; deleting a success refunds nothing.",
  ...userCommand("conversion.delete"),
  request: { params: idParam },
  responses: {
    204: { description: "Deleted." },
    ...problems("unauthenticated", "conversion_not_found", "body_too_large", "validation_failed"),
  },
});

export function registerDeleteConversion(app: App): void {
  app.openapi(route, async (c) => {
    await deleteConversion(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.body(null, 204);
  });
}
