import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { conversionListSchema, listQuerySchema } from "../schemas.ts";
import { serializeConversion } from "../serialize.ts";
import { estimateEnds } from "../service/estimate-end.ts";
import { listConversions } from "../service/list-conversions.ts";

const route = createRoute({
  method: "get",
  path: "/api/conversions",
  operationId: "listConversions",
  tags: ["Conversions"],
  summary: "Your conversions, newest first",
  ...userAccess,
  request: { query: listQuerySchema },
  responses: {
    200: json(conversionListSchema, "One page."),
    ...problems("unauthenticated", "invalid_cursor", "validation_failed"),
  },
});

export function registerListConversions(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const { userId } = c.get("actor");
    const { status = null, kind = null, limit, cursor } = c.req.valid("query");
    const scope = ["conversions", userId, status ?? "", kind ?? ""];
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await listConversions(services, c.get("actor"), { status, kind }, { limit, afterKey });
    const estimates = await estimateEnds(services, page.items);
    const items = await Promise.all(
      page.items.map((conversion) => serializeConversion(services, conversion, estimates.get(conversion.id))),
    );
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items, nextCursor }, 200);
  });
}
