import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminCommand, json, problems } from "../../../http/openapi.ts";
import { adminUserSchema, userParam } from "../schemas.ts";
import { serializeAccount } from "../serialize.ts";
import { enableUser } from "../service/enable-user.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/users/{id}/enable",
  operationId: "enableUser",
  tags: ["Admin"],
  summary: "Enable a disabled account",
  description: "It is active again, with the role it has.",
  ...adminCommand("admin.enable"),
  request: { params: userParam },
  responses: {
    200: json(adminUserSchema, "The account."),
    ...problems(
      "unauthenticated",
      "forbidden",
      "user_not_found",
      "invalid_transition",
      "body_too_large",
      "validation_failed",
    ),
  },
});

export function registerEnableUser(app: App): void {
  app.openapi(route, async (c) => {
    const user = await enableUser(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.json(serializeAccount(user), 200);
  });
}
