import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminCommand, json, problems } from "../../../http/openapi.ts";
import { adminUserSchema, userParam } from "../schemas.ts";
import { serializeAccount } from "../serialize.ts";
import { approveUser } from "../service/approve-user.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/users/{id}/approve",
  operationId: "approveUser",
  tags: ["Admin"],
  summary: "Approve a pending vendor",
  description: "Its sessions act as a vendor's on their very next request, and can't be refreshed.",
  ...adminCommand("admin.approve"),
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

export function registerApproveUser(app: App): void {
  app.openapi(route, async (c) => {
    const user = await approveUser(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.json(serializeAccount(user), 200);
  });
}
