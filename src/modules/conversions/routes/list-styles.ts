import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { assetResponse } from "../../../http/asset.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { json, problems, publicAccess } from "../../../http/openapi.ts";
import { pageQuerySchema, styleListSchema } from "../schemas.ts";
import { listStyles } from "../service/list-styles.ts";

const route = createRoute({
  method: "get",
  path: "/api/styles",
  operationId: "listStyles",
  tags: ["Conversions"],
  summary: "The styles a photo can be given by name",
  ...publicAccess,
  request: { query: pageQuerySchema },
  responses: { 200: json(styleListSchema, "Every style."), ...problems("invalid_cursor", "validation_failed") },
});

export function registerListStyles(app: App): void {
  app.openapi(route, async (c) => {
    const { keyring } = c.get("services");
    const { limit, cursor } = c.req.valid("query");
    const afterKey = cursor === undefined ? null : await decodeCursor(keyring, ["styles"], cursor);
    const page = listStyles({ limit, afterKey });
    const items = page.items.map((style) => ({ ...style, sampleUrl: `/api/styles/samples/${style.id}.jpg` }));
    const nextCursor = page.nextKey === null ? null : await encodeCursor(keyring, ["styles"], page.nextKey);
    c.header("Cache-Control", "public, max-age=300");
    return c.json({ items, nextCursor }, 200);
  });
  app.get("/api/styles/samples/:file", (c) =>
    assetResponse(c, c.req.url, {
      "Cache-Control": "public, max-age=86400",
      "Cross-Origin-Resource-Policy": "cross-origin",
    }),
  );
}
