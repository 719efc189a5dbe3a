import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, publicAccess } from "../../../http/openapi.ts";
import { jwksSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/.well-known/jwks.json",
  operationId: "getJwks",
  tags: ["Auth"],
  summary: "The public keys of access tokens",
  description: "The active key first, then the one that comes next and the one that is being retired.",
  ...publicAccess,
  responses: { 200: json(jwksSchema, "A JSON Web Key Set (RFC 7517)."), ...problems() },
});

export function registerGetJwks(app: App): void {
  app.openapi(route, async (c) => {
    const keys = await c.get("services").accessTokens.publicKeys();
    c.header("Cache-Control", "public, max-age=600");
    return c.json({ keys: [...keys] }, 200);
  });
}
