import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { registerSchema, sessionSchema } from "../schemas.ts";
import { register } from "../service/register.ts";
import { callerOf, deviceTokenHeader, signedInBody } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/register",
  operationId: "register",
  tags: ["Auth"],
  summary: "Create an account for a verified phone",
  description: "Takes a verification token of purpose `register`. A refused body does not use the token up.",
  ...publicJson("auth.register"),
  request: { body: jsonBody(registerSchema) },
  responses: {
    201: { ...json(sessionSchema, "The new user, signed in."), headers: deviceTokenHeader },
    ...problems(
      "malformed_request",
      "invalid_verification_token",
      "already_registered",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerRegister(app: App): void {
  app.openapi(route, async (c) => {
    const { name = null, ...rest } = c.req.valid("json");
    const signedIn = await register(c.get("services"), callerOf(c), { ...rest, name });
    return c.json(signedInBody(c, signedIn), 201);
  });
}
