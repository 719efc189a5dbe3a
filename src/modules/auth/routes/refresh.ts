import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { refreshSchema, tokensSchema } from "../schemas.ts";
import { refresh } from "../service/refresh.ts";
import { callerOf, tokensBody } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/refresh",
  operationId: "refresh",
  tags: ["Auth"],
  summary: "Renew the tokens of a session",
  description:
    "Each refresh token is good for one renewal. Repeating it within 10 seconds, or within 60 while its successor is " +
    "unused, answers the same successor; using an older one ends the session, for somebody else has it.",
  ...publicJson("auth.refresh"),
  request: { body: jsonBody(refreshSchema) },
  responses: {
    200: json(tokensSchema, "The renewed tokens."),
    ...problems(
      "malformed_request",
      "invalid_refresh_token",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
      "rate_limited",
    ),
  },
});

export function registerRefresh(app: App): void {
  app.openapi(route, async (c) => {
    const { refreshToken } = c.req.valid("json");
    return c.json(tokensBody(c, await refresh(c.get("services"), callerOf(c), refreshToken)), 200);
  });
}
