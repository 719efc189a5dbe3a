import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminCommand, problems } from "../../../http/openapi.ts";
import { userParam } from "../schemas.ts";
import { endSessions } from "../service/end-sessions.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/users/{id}/end-sessions",
  operationId: "endSessions",
  tags: ["Admin"],
  summary: "End every session of an account",
  description: "Takes effect at once, everywhere.",
  ...adminCommand("admin.end_sessions"),
  request: { params: userParam },
  responses: {
    204: { description: "No session is left." },
    ...problems("unauthenticated", "forbidden", "user_not_found", "body_too_large", "validation_failed"),
  },
});

export function registerEndSessions(app: App): void {
  app.openapi(route, async (c) => {
    await endSessions(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.body(null, 204);
  });
}
