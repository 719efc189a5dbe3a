import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { idParam, json, jsonBody, problems, userJson } from "../../../http/openapi.ts";
import { conversionSchema, updateConversionSchema } from "../schemas.ts";
import { updateConversion } from "../service/update-conversion.ts";
import { conversionResponse } from "./shared.ts";

const route = createRoute({
  method: "put",
  path: "/api/conversions/{id}",
  operationId: "updateConversion",
  tags: ["Conversions"],
  summary: "Change title, metadata or favorite",
  description: "Fields left out stay as they are. With `If-Match`, only the version it names is changed.",
  ...userJson("conversion.update"),
  request: { params: idParam, body: jsonBody(updateConversionSchema) },
  responses: {
    200: json(conversionSchema, "The changed conversion."),
    ...problems(
      "unauthenticated",
      "malformed_request",
      "conversion_not_found",
      "precondition_failed",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerUpdateConversion(app: App): void {
  app.openapi(route, async (c) => {
    const { title, metadata, favorite } = c.req.valid("json");
    const fields = {
      ...(title === undefined ? {} : { title }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(favorite === undefined ? {} : { favorite }),
    };
    const command = { fields, ifMatch: c.req.header("If-Match") ?? null };
    const { id } = c.req.valid("param");
    const conversion = await updateConversion(c.get("services"), c.get("actor"), c.get("audit"), id, command);
    return (await conversionResponse(c, conversion)) as never;
  });
}
