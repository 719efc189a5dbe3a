import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminJson, json, jsonBody, problems } from "../../../http/openapi.ts";
import { adminUserSchema, setRoleSchema, userParam } from "../schemas.ts";
import { serializeAccount } from "../serialize.ts";
import { setRole } from "../service/set-role.ts";

const route = createRoute({
  method: "put",
  path: "/api/admin/users/{id}/role",
  operationId: "setRole",
  tags: ["Admin"],
  summary: "Give an account a role",
  description:
    "Its sessions act with it on their very next request, and can't be refreshed. A pending account becomes active.",
  ...adminJson("admin.set_role"),
  request: { params: userParam, body: jsonBody(setRoleSchema) },
  responses: {
    200: json(adminUserSchema, "The account."),
    ...problems(
      "malformed_request",
      "unauthenticated",
      "forbidden",
      "user_not_found",
      "own_account",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerSetRole(app: App): void {
  app.openapi(route, async (c) => {
    const target = { userId: c.req.valid("param").id, role: c.req.valid("json").role };
    const user = await setRole(c.get("services"), c.get("actor"), c.get("audit"), target);
    return c.json(serializeAccount(user), 200);
  });
}
