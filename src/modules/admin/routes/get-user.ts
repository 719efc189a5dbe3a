import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminAccess, json, problems } from "../../../http/openapi.ts";
import { serializeSession } from "../../auth/index.ts";
import { serializeUsage } from "../../plans/index.ts";
import { adminUserDetailsSchema, userParam } from "../schemas.ts";
import { serializeAccount } from "../serialize.ts";
import { getUser } from "../service/get-user.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/users/{id}",
  operationId: "getUser",
  tags: ["Admin"],
  summary: "An account, where it is signed in, and its usage this month",
  ...adminAccess,
  request: { params: userParam },
  responses: {
    200: json(adminUserDetailsSchema, "The account."),
    ...problems("unauthenticated", "forbidden", "user_not_found"),
  },
});

export function registerGetUser(app: App): void {
  app.openapi(route, async (c) => {
    const { user, sessions, usage } = await getUser(c.get("services"), c.req.valid("param").id);
    const body = {
      user: serializeAccount(user),
      sessions: sessions.map(serializeSession),
      usage: serializeUsage(usage),
    };
    return c.json(body, 200);
  });
}
