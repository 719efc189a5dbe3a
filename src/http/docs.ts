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

const DOCUMENT = {
  openapi: "3.1.0",
  info: {
    title: "AI Styler",
    version: "1.0.0",
    summary: "Restyle a photo, or try a garment on.",
    description:
      "Sign up with a phone number, upload a photo and ask for a conversion; the result comes back as an image. " +
      "Errors are `application/problem+json` (RFC 9457) with a stable `code`.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/", description: "This deployment" }],
  tags: [
    { name: "Auth", description: "Signing up and in by phone." },
    { name: "Users", description: "The signed-in user." },
    { name: "Images", description: "Pictures to convert, and results." },
    { name: "Conversions", description: "Restyling and trying on." },
    { name: "Admin", description: "For administrators." },
    { name: "Operations", description: "For those who run the service." },
    { name: "Development", description: "Only in development." },
  ],
};

/** Serves the OpenAPI document and Swagger UI from the Worker's own assets. Register last: it reads all routes. */
export function registerDocs(app: App): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The `accessToken` of register or login.",
  });
  let document: string | undefined;
  app.get("/api/docs/openapi.json", (c) => {
    document ??= JSON.stringify(app.getOpenAPI31Document(DOCUMENT));
    return c.body(document, 200, { "Content-Type": "application/json", "Cache-Control": "public, max-age=300" });
  });
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
