import type { Context } from "hono";
import type { App, AppEnv } from "./app-type.ts";
import { assetResponse } from "./asset.ts";

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
  const serve = (c: Context<AppEnv>): Promise<Response> => {
    const file = c.req.param("file") ?? "index.html";
    return assetResponse(c, `/api/docs/${encodeURIComponent(file)}`, {
      "Content-Security-Policy": DOCS_CSP,
      "Cache-Control": "public, max-age=300",
    });
  };
  app.get("/api/docs", serve);
  app.get("/api/docs/", (c) => c.redirect("/api/docs", 308));
  app.get("/api/docs/:file", serve);
}
