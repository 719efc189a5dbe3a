import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, publicAccess } from "../../../http/openapi.ts";
import { styleListSchema } from "../schemas.ts";
import { STYLE_PRESETS } from "../style-presets.ts";

const route = createRoute({
  method: "get",
  path: "/api/styles",
  operationId: "listStyles",
  tags: ["Conversions"],
  summary: "The styles a photo can be given by name",
  ...publicAccess,
  responses: { 200: json(styleListSchema, "Every style."), ...problems() },
});

const items = STYLE_PRESETS.map((preset) => ({
  id: preset.id,
  name: preset.name,
  description: preset.description,
  sampleUrl: `/api/styles/samples/${preset.id}.jpg`,
}));

export function registerListStyles(app: App): void {
  app.openapi(route, (c) => {
    c.header("Cache-Control", "public, max-age=300");
    return c.json({ items, nextCursor: null }, 200);
  });
  app.get("/api/styles/samples/:file", async (c) => {
    const asset = await c.env.ASSETS.fetch(c.req.raw.url);
    if (!asset.ok) return c.notFound();
    const headers = new Headers(asset.headers);
    headers.set("Cache-Control", "public, max-age=86400");
    headers.set("Cross-Origin-Resource-Policy", "cross-origin");
    return new Response(asset.body, { headers });
  });
}
