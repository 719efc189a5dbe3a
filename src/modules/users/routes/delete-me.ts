import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { problems, userCommand } from "../../../http/openapi.ts";
import { deleteMe } from "../service/delete-me.ts";

const route = createRoute({
  method: "delete",
  path: "/api/users/me",
  operationId: "deleteMe",
  tags: ["Users"],
  summary: "Delete your account",
  description:
    "Ends every session, frees the phone and erases pictures, conversions and profile for good. What is left is an " +
    "audit trail that names nobody.",
  ...userCommand("user.delete"),
  responses: {
    204: { description: "The account is gone." },
    ...problems("unauthenticated", "body_too_large", "validation_failed"),
  },
});

export function registerDeleteMe(app: App): void {
  app.openapi(route, async (c) => {
    await deleteMe(c.get("services"), c.get("actor"), c.get("audit"));
    return c.body(null, 204);
  });
}
