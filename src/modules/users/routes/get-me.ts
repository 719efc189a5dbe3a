import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { serializeUser, userSchema } from "../schemas.ts";
import { getMe } from "../service/get-me.ts";

const route = createRoute({
  method: "get",
  path: "/api/users/me",
  operationId: "getMe",
  tags: ["Users"],
  summary: "Your account",
  ...userAccess,
  responses: { 200: json(userSchema, "The signed-in user."), ...problems("unauthenticated") },
});

export function registerGetMe(app: App): void {
  app.openapi(route, async (c) => c.json(serializeUser(await getMe(c.get("services"), c.get("actor"))), 200));
}
