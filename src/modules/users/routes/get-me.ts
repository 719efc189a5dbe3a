import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { matchesEtag } from "../../../http/etag.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { serializeUser, userEtag, userSchema } from "../schemas.ts";
import { getMe } from "../service/get-me.ts";

const route = createRoute({
  method: "get",
  path: "/api/users/me",
  operationId: "getMe",
  tags: ["Users"],
  summary: "Your account",
  ...userAccess,
  responses: {
    200: json(userSchema, "The signed-in user."),
    304: { description: "Not changed." },
    ...problems("unauthenticated"),
  },
});

export function registerGetMe(app: App): void {
  app.openapi(route, async (c) => {
    const user = await getMe(c.get("services"), c.get("actor"));
    const etag = await userEtag(user);
    c.header("ETag", etag);
    if (matchesEtag(c.req.header("If-None-Match"), etag)) return c.body(null, 304);
    return c.json(serializeUser(user), 200);
  });
}
