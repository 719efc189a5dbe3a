import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { problems, userCommand } from "../../../http/openapi.ts";
import { logoutAll } from "../service/logout-all.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/logout-all",
  operationId: "logoutAll",
  tags: ["Auth"],
  summary: "End every session of the account",
  description: "This one included. Takes effect at once, everywhere.",
  ...userCommand("auth.logout_all"),
  responses: {
    204: { description: "No session is left." },
    ...problems("unauthenticated", "body_too_large", "validation_failed"),
  },
});

export function registerLogoutAll(app: App): void {
  app.openapi(route, async (c) => {
    await logoutAll(c.get("services"), c.get("actor"), c.get("audit"));
    return c.body(null, 204);
  });
}
