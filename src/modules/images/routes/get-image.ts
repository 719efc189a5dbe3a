import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { matchesEtag } from "../../../http/etag.ts";
import { idParam, json, problems, userAccess } from "../../../http/openapi.ts";
import { imageSchema } from "../schemas.ts";
import { imageEtag, serializeImage } from "../serialize.ts";
import { getImage } from "../service/get-image.ts";

const route = createRoute({
  method: "get",
  path: "/api/images/{id}",
  operationId: "getImage",
  tags: ["Images"],
  summary: "One image",
  description: "An upload or a result. Answers a strong `ETag`; `If-None-Match` gives 304.",
  ...userAccess,
  request: { params: idParam },
  responses: {
    200: json(imageSchema, "The image."),
    304: { description: "Not changed." },
    ...problems("unauthenticated", "image_not_found"),
  },
});

export function registerGetImage(app: App): void {
  app.openapi(route, async (c) => {
    const image = await getImage(c.get("services"), c.get("actor"), c.req.valid("param").id);
    c.header("ETag", imageEtag(image));
    if (matchesEtag(c.req.header("If-None-Match"), imageEtag(image))) return c.body(null, 304);
    return c.json(await serializeImage(c.get("services"), image), 200);
  });
}
