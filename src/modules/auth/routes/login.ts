import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { loginSchema, sessionSchema } from "../schemas.ts";
import { login } from "../service/login.ts";
import { sessionClient, signedInBody } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/login",
  operationId: "login",
  tags: ["Auth"],
  summary: "Sign in",
  description: "By phone and password, or by a verification token of purpose `login`.",
  ...publicJson,
  request: { body: jsonBody(loginSchema) },
  responses: {
    200: json(sessionSchema, "Signed in, in a new session."),
    ...problems(
      "malformed_request",
      "invalid_credentials",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerLogin(app: App): void {
  app.openapi(route, async (c) => {
    const signedIn = await login(c.get("services"), c.req.valid("json"), sessionClient(c));
    return c.json(signedInBody(c, signedIn), 200);
  });
}
