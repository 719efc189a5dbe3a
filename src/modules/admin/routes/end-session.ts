import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminCommand, problems } from "../../../http/openapi.ts";
import { sessionParam } from "../schemas.ts";
import { endSession } from "../service/end-session.ts";

const route = createRoute({
  method: "delete",
  path: "/api/admin/users/{id}/sessions/{sessionId}",
  operationId: "endSession",
  tags: ["Admin"],
  summary: "End one session of an account",
  description: "Takes effect at once, everywhere.",
  ...adminCommand("admin.end_sessions"),
  request: { params: sessionParam },
  responses: {
    204: { description: "The session has ended." },
    ...problems(
      "unauthenticated",
      "forbidden",
      "user_not_found",
      "session_not_found",
      "body_too_large",
      "validation_failed",
    ),
  },
});

export function registerEndSession(app: App): void {
  app.openapi(route, async (c) => {
    const { id, sessionId } = c.req.valid("param");
    await endSession(c.get("services"), c.get("actor"), c.get("audit"), { userId: id, sessionId });
    return c.body(null, 204);
  });
}
