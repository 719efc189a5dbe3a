import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { matchesEtag } from "../../../http/etag.ts";
import { idParam, json, problems, userAccess } from "../../../http/openapi.ts";
import { conversionSchema } from "../schemas.ts";
import { conversionEtag } from "../serialize.ts";
import { getConversion } from "../service/get-conversion.ts";
import { conversionResponse } from "./shared.ts";

const route = createRoute({
  method: "get",
  path: "/api/conversions/{id}",
  operationId: "getConversion",
  tags: ["Conversions"],
  summary: "One conversion",
  description: "Answers a strong `ETag`; `If-None-Match` gives 304 while nothing has changed.",
  ...userAccess,
  request: { params: idParam },
  responses: {
    200: json(conversionSchema, "The conversion as it is now."),
    304: { description: "Not changed." },
    ...problems("unauthenticated", "conversion_not_found"),
  },
});

export function registerGetConversion(app: App): void {
  app.openapi(route, async (c): Promise<Response> => {
    const services = c.get("services");
    const conversion = await getConversion(services, c.get("actor"), c.req.valid("param").id);
    const etag = conversionEtag(conversion);
    c.header("ETag", etag);
    if (matchesEtag(c.req.header("If-None-Match"), etag)) return c.body(null, 304);
    return conversionResponse(c, conversion);
  });
}
