import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminCommand, json, problems } from "../../../http/openapi.ts";
import { adminUserSchema, userParam } from "../schemas.ts";
import { serializeAccount } from "../serialize.ts";
import { disableUser } from "../service/disable-user.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/users/{id}/disable",
  operationId: "disableUser",
  tags: ["Admin"],
  summary: "Disable an account",
  description:
    "Ends every session at once; nobody can log in. A pending vendor becomes a disabled user: the request is declined.",
  ...adminCommand("admin.disable"),
  request: { params: userParam },
  responses: {
    200: json(adminUserSchema, "The account."),
    ...problems(
      "unauthenticated",
      "forbidden",
      "user_not_found",
      "own_account",
      "invalid_transition",
      "body_too_large",
      "validation_failed",
    ),
  },
});

export function registerDisableUser(app: App): void {
  app.openapi(route, async (c) => {
    const user = await disableUser(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.json(serializeAccount(user), 200);
  });
}
