import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { toTimestamp } from "../../../kernel/clock.ts";
import { sessionListSchema } from "../schemas.ts";
import { listSessions } from "../service/list-sessions.ts";

const route = createRoute({
  method: "get",
  path: "/api/auth/sessions",
  operationId: "listSessions",
  tags: ["Auth"],
  summary: "Where you are signed in",
  ...userAccess,
  responses: { 200: json(sessionListSchema, "Live sessions, the newest first."), ...problems("unauthenticated") },
});

export function registerListSessions(app: App): void {
  app.openapi(route, async (c) => {
    const sessions = await listSessions(c.get("services"), c.get("actor"));
    const items = sessions.map(({ id, current, userAgent, ipPrefix, createdAt, lastSeenAt, expiresAt }) => ({
      id,
      current,
      userAgent,
      ipPrefix,
      createdAt: toTimestamp(createdAt),
      lastSeenAt: toTimestamp(lastSeenAt),
      expiresAt: toTimestamp(expiresAt),
    }));
    return c.json({ items, nextCursor: null }, 200);
  });
}
