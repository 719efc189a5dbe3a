import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { problems, tokenCommand } from "../../../http/openapi.ts";
import { logout } from "../service/logout.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/logout",
  operationId: "logout",
  tags: ["Auth"],
  summary: "End this session",
  description: "Takes effect at once, everywhere. A session that has ended already is no error.",
  ...tokenCommand("auth.logout"),
  responses: {
    204: { description: "The session has ended." },
    ...problems("unauthenticated", "body_too_large", "validation_failed"),
  },
});

export function registerLogout(app: App): void {
  app.openapi(route, async (c) => {
    await logout(c.get("services"), c.get("bearer"), c.get("audit"));
    return c.body(null, 204);
  });
}
