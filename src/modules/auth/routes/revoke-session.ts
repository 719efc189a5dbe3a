import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { idParam, problems, userCommand } from "../../../http/openapi.ts";
import { revokeSession } from "../service/revoke-session.ts";

const route = createRoute({
  method: "delete",
  path: "/api/auth/sessions/{id}",
  operationId: "revokeSession",
  tags: ["Auth"],
  summary: "End one of your sessions",
  description: "Takes effect at once, everywhere.",
  ...userCommand("session.revoke"),
  request: { params: idParam },
  responses: {
    204: { description: "The session has ended." },
    ...problems("unauthenticated", "session_not_found", "body_too_large", "validation_failed"),
  },
});

export function registerRevokeSession(app: App): void {
  app.openapi(route, async (c) => {
    await revokeSession(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.body(null, 204);
  });
}
