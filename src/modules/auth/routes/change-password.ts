import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { jsonBody, problems, userJson } from "../../../http/openapi.ts";
import { changePasswordSchema } from "../schemas.ts";
import { changePassword } from "../service/change-password.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/password/change",
  operationId: "changePassword",
  tags: ["Auth"],
  summary: "Change your password",
  description: "Ends every other session.",
  ...userJson("auth.password_change"),
  request: { body: jsonBody(changePasswordSchema) },
  responses: {
    204: { description: "The password is changed." },
    ...problems(
      "malformed_request",
      "unauthenticated",
      "wrong_password",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
      "too_many_attempts",
    ),
  },
});

export function registerChangePassword(app: App): void {
  app.openapi(route, async (c) => {
    await changePassword(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("json"));
    return c.body(null, 204);
  });
}
