import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { imageListSchema, listImagesQuerySchema } from "../schemas.ts";
import { serializeImage } from "../serialize.ts";
import { listImages } from "../service/list-images.ts";

const route = createRoute({
  method: "get",
  path: "/api/images",
  operationId: "listImages",
  tags: ["Images"],
  summary: "Your uploads, newest first",
  description: "Results are not listed here: find them through their conversions.",
  ...userAccess,
  request: { query: listImagesQuerySchema },
  responses: {
    200: json(imageListSchema, "One page."),
    ...problems("unauthenticated", "invalid_cursor", "validation_failed"),
  },
});

export function registerListImages(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { kind = null, limit, cursor } = c.req.valid("query");
    const scope = ["images", c.get("actor").userId, kind ?? ""];
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await listImages(services, c.get("actor"), kind, { limit, afterKey });
    const items = await Promise.all(page.items.map((image) => serializeImage(services, image)));
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items, nextCursor }, 200);
  });
}
