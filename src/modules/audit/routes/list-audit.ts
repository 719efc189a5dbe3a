import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { auditEntryListSchema, listAuditQuerySchema } from "../schemas.ts";
import { serializeEntry } from "../serialize.ts";
import { listAudit } from "../service/list-audit.ts";

const route = createRoute({
  method: "get",
  path: "/api/users/me/audit",
  operationId: "listAudit",
  tags: ["Users"],
  summary: "What was done to your account, newest first",
  description: "Session and address are told of what you, or somebody not signed in, did.",
  ...userAccess,
  request: { query: listAuditQuerySchema },
  responses: {
    200: json(auditEntryListSchema, "One page."),
    ...problems("unauthenticated", "invalid_cursor", "validation_failed"),
  },
});

export function registerListAudit(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { limit, cursor } = c.req.valid("query");
    const scope = ["audit", c.get("actor").userId];
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await listAudit(services, c.get("actor"), { limit, afterKey });
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items: page.items.map(serializeEntry), nextCursor }, 200);
  });
}
