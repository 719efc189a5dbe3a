import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { loginSchema, sessionSchema } from "../schemas.ts";
import { login } from "../service/login.ts";
import { callerOf, deviceTokenHeader, deviceTokenRequest, signedInBody } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/login",
  operationId: "login",
  tags: ["Auth"],
  summary: "Sign in",
  description:
    "By phone and password, or by a verification token of purpose `login`. Five wrong passwords lock password logins " +
    "to that phone for 15 minutes; codes go on working. Send the `Device-Token` of an earlier sign-in back: the " +
    "failures of strangers then don't lock you out.",
  ...publicJson("auth.login"),
  request: { body: jsonBody(loginSchema), headers: deviceTokenRequest },
  responses: {
    200: { ...json(sessionSchema, "Signed in, in a new session."), headers: deviceTokenHeader },
    ...problems(
      "malformed_request",
      "invalid_credentials",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
      "rate_limited",
      "too_many_attempts",
    ),
  },
});

export function registerLogin(app: App): void {
  app.openapi(route, async (c) => {
    const signedIn = await login(c.get("services"), callerOf(c), c.req.valid("json"));
    return c.json(signedInBody(c, signedIn), 200);
  });
}
