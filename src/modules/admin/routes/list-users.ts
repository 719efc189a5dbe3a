import { createRoute, type z } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { decodeCursor, encodeCursor } from "../../../http/cursor.ts";
import { adminAccess, json, problems } from "../../../http/openapi.ts";
import type { UserFilter } from "../../users/index.ts";
import { adminUserListSchema, listUsersQuerySchema } from "../schemas.ts";
import { serializeAccount } from "../serialize.ts";
import { listUsers } from "../service/list-users.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/users",
  operationId: "listUsers",
  tags: ["Admin"],
  summary: "Accounts, newest first",
  description: "Filters combine.",
  ...adminAccess,
  request: { query: listUsersQuerySchema },
  responses: {
    200: json(adminUserListSchema, "One page."),
    ...problems("unauthenticated", "forbidden", "invalid_cursor", "validation_failed"),
  },
});

function toFilter({ phone, role, status }: z.output<typeof listUsersQuerySchema>): UserFilter {
  return {
    ...(phone === undefined ? {} : { phone }),
    ...(role === undefined ? {} : { role }),
    ...(status === undefined ? {} : { status }),
  };
}

export function registerListUsers(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const query = c.req.valid("query");
    const { phone, role, status, limit, cursor } = query;
    const scope = ["admin/users", c.get("actor").userId, phone ?? "", role ?? "", status ?? ""];
    const afterKey = cursor === undefined ? null : await decodeCursor(services.keyring, scope, cursor);
    const page = await listUsers(services, toFilter(query), { limit, afterKey });
    const nextCursor = page.nextKey === null ? null : await encodeCursor(services.keyring, scope, page.nextKey);
    return c.json({ items: page.items.map(serializeAccount), nextCursor }, 200);
  });
}
