import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { serializeAccount } from "../serialize.ts";
import { enableUser } from "../service/enable-user.ts";
import { statusCommand } from "./shared.ts";

const route = createRoute({
  path: "/api/admin/users/{id}/enable",
  operationId: "enableUser",
  summary: "Enable a disabled account",
  description: "It is active again, with the role it has.",
  ...statusCommand("admin.enable"),
});

export function registerEnableUser(app: App): void {
  app.openapi(route, async (c) => {
    const user = await enableUser(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.json(serializeAccount(user), 200);
  });
}
