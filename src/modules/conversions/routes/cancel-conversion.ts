import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { idParam, json, problems, userCommand } from "../../../http/openapi.ts";
import { conversionSchema } from "../schemas.ts";
import { cancelConversion } from "../service/cancel-conversion.ts";
import { conversionResponse } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/conversions/{id}/cancel",
  operationId: "cancelConversion",
  tags: ["Conversions"],
  summary: "Cancel a waiting or running conversion",
  description: "Its unit is released.",
  ...userCommand("conversion.cancel"),
  request: { params: idParam },
  responses: {
    200: json(conversionSchema, "The canceled conversion."),
    ...problems("unauthenticated", "conversion_not_found", "invalid_transition", "validation_failed", "body_too_large"),
  },
});

export function registerCancelConversion(app: App): void {
  app.openapi(route, async (c) => {
    const conversion = await cancelConversion(
      c.get("services"),
      c.get("actor"),
      c.get("audit"),
      c.req.valid("param").id,
    );
    return (await conversionResponse(c, conversion)) as never;
  });
}
