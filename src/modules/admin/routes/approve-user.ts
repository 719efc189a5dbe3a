import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { serializeAccount } from "../serialize.ts";
import { approveUser } from "../service/approve-user.ts";
import { statusCommand } from "./shared.ts";

const route = createRoute({
  path: "/api/admin/users/{id}/approve",
  operationId: "approveUser",
  summary: "Approve a pending vendor",
  description: "Its sessions act as a vendor's on their very next request, and can't be refreshed.",
  ...statusCommand("admin.approve"),
});

export function registerApproveUser(app: App): void {
  app.openapi(route, async (c) => {
    const user = await approveUser(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.json(serializeAccount(user), 200);
  });
}
