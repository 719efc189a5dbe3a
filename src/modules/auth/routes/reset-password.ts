import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { resetPasswordSchema } from "../schemas.ts";
import { resetPassword } from "../service/reset-password.ts";
import { callerOf } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/password/reset",
  operationId: "resetPassword",
  tags: ["Auth"],
  summary: "Set a new password for a verified phone",
  description: "Takes a verification token of purpose `password_reset`. Ends every session, and a lock.",
  ...publicJson("auth.password_reset"),
  request: { body: jsonBody(resetPasswordSchema) },
  responses: {
    204: { description: "The password is changed." },
    ...problems(
      "malformed_request",
      "invalid_verification_token",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
      "rate_limited",
    ),
  },
});

export function registerResetPassword(app: App): void {
  app.openapi(route, async (c) => {
    await resetPassword(c.get("services"), callerOf(c), c.req.valid("json"));
    return c.body(null, 204);
  });
}
