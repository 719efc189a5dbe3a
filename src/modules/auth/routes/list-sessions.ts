import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { listSessionsQuerySchema, sessionListSchema } from "../schemas.ts";
import { serializeSession } from "../serialize.ts";
import { listSessions } from "../service/list-sessions.ts";

const route = createRoute({
  method: "get",
  path: "/api/auth/sessions",
  operationId: "listSessions",
  tags: ["Auth"],
  summary: "Where you are signed in",
  ...userAccess,
  request: { query: listSessionsQuerySchema },
  responses: {
    200: json(sessionListSchema, "Live sessions, the newest first."),
    ...problems("unauthenticated", "invalid_cursor", "validation_failed"),
  },
});

export function registerListSessions(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { limit, cursor } = c.req.valid("query");
    const scope = ["sessions", c.get("actor").userId];
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await listSessions(services, c.get("actor"), { limit, afterKey });
    const items = page.items.map((session) => ({ ...serializeSession(session), current: session.current }));
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items, nextCursor }, 200);
  });
}
