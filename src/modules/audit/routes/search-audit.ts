import { createRoute, type z } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { adminAccess, json, problems } from "../../../http/openapi.ts";
import type { AuditFilter } from "../repository.ts";
import { auditEventListSchema, searchAuditQuerySchema } from "../schemas.ts";
import { serializeEvent } from "../serialize.ts";
import { searchAudit } from "../service/list-audit.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/audit",
  operationId: "searchAudit",
  tags: ["Admin"],
  summary: "The audit log, newest first",
  description: "Filters combine. What was personal in the events of an erased account is gone.",
  ...adminAccess,
  request: { query: searchAuditQuerySchema },
  responses: {
    200: json(auditEventListSchema, "One page."),
    ...problems("unauthenticated", "forbidden", "invalid_cursor", "validation_failed"),
  },
});

function toFilter(query: z.output<typeof searchAuditQuerySchema>): AuditFilter {
  return {
    ...(query.user === undefined ? {} : { subjectId: query.user }),
    ...(query.actor === undefined ? {} : { actorId: query.actor }),
    ...(query.action === undefined ? {} : { action: query.action }),
    ...(query.outcome === undefined ? {} : { outcome: query.outcome }),
    ...(query.from === undefined ? {} : { from: Date.parse(query.from) }),
    ...(query.to === undefined ? {} : { to: Date.parse(query.to) }),
  };
}

function scopeOf(adminId: string, { subjectId, actorId, action, outcome, from, to }: AuditFilter): string[] {
  return ["admin/audit", adminId, ...[subjectId, actorId, action, outcome, from, to].map((value) => `${value ?? ""}`)];
}

export function registerSearchAudit(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { limit, cursor, ...query } = c.req.valid("query");
    const filter = toFilter({ limit, ...query });
    const scope = scopeOf(c.get("actor").userId, filter);
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await searchAudit(services, filter, { limit, afterKey });
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items: page.items.map(serializeEvent), nextCursor }, 200);
  });
}
