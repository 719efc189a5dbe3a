import type { Context } from "hono";
import type { App, AppEnv } from "./app-type.ts";

const DOCS_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves Swagger UI and the OpenAPI document, both from the Worker's own assets: see `scripts/build-docs-page.ts`. */
export function registerDocs(app: App): void {
  const serve = async (c: Context<AppEnv>): Promise<Response> => {
    const file = c.req.param("file") ?? "index.html";
    const asset = await c.env.ASSETS.fetch(new URL(`/api/docs/${encodeURIComponent(file)}`, c.req.url));
    if (!asset.ok) return c.notFound();
    const headers = new Headers(asset.headers);
    headers.set("Content-Security-Policy", DOCS_CSP);
    headers.set("Cache-Control", "public, max-age=300");
    return new Response(asset.body, { status: 200, headers });
  };
  app.get("/api/docs", serve);
  app.get("/api/docs/:file", serve);
}
