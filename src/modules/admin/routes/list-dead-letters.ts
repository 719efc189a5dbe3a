import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { adminAccess, json, problems } from "../../../http/openapi.ts";
import { deadLetterListSchema, listDeadLettersQuerySchema } from "../schemas.ts";
import { serializeDeadLetter } from "../serialize.ts";
import { listDeadLetters } from "../service/list-dead-letters.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/dead-letters",
  operationId: "listDeadLetters",
  tags: ["Admin"],
  summary: "Messages the queue gave up on, newest first",
  description: "And those that nobody could read. Kept for 90 days.",
  ...adminAccess,
  request: { query: listDeadLettersQuerySchema },
  responses: {
    200: json(deadLetterListSchema, "One page."),
    ...problems("unauthenticated", "forbidden", "invalid_cursor", "validation_failed"),
  },
});

export function registerListDeadLetters(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { limit, cursor } = c.req.valid("query");
    const scope = ["admin/dead-letters", c.get("actor").userId];
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await listDeadLetters(services, { limit, afterKey });
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items: page.items.map(serializeDeadLetter), nextCursor }, 200);
  });
}
