import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { serializeAccount } from "../serialize.ts";
import { disableUser } from "../service/disable-user.ts";
import { statusCommand } from "./shared.ts";

const route = createRoute({
  path: "/api/admin/users/{id}/disable",
  operationId: "disableUser",
  summary: "Disable an account",
  description:
    "Ends every session at once; nobody can log in. A pending vendor becomes a disabled user: the request is declined.",
  ...statusCommand("admin.disable", "own_account"),
});

export function registerDisableUser(app: App): void {
  app.openapi(route, async (c) => {
    const user = await disableUser(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.json(serializeAccount(user), 200);
  });
}
