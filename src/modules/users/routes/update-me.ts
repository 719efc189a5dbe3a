import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, userJson } from "../../../http/openapi.ts";
import { serializeUser, updateMeSchema, userEtag, userSchema } from "../schemas.ts";
import { updateMe } from "../service/update-me.ts";

const route = createRoute({
  method: "patch",
  path: "/api/users/me",
  operationId: "updateMe",
  tags: ["Users"],
  summary: "Change your name, bio or locale",
  description:
    "Fields left out stay as they are; `null` clears. Nothing else about an account can be set here. With `If-Match`, only the account that it names is changed.",
  ...userJson("user.update"),
  request: { body: jsonBody(updateMeSchema) },
  responses: {
    200: json(userSchema, "The changed user."),
    ...problems(
      "malformed_request",
      "unauthenticated",
      "precondition_failed",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerUpdateMe(app: App): void {
  app.openapi(route, async (c) => {
    const { name, bio, locale } = c.req.valid("json");
    const fields = {
      ...(name === undefined ? {} : { name }),
      ...(bio === undefined ? {} : { bio }),
      ...(locale === undefined ? {} : { locale }),
    };
    const user = await updateMe(c.get("services"), c.get("actor"), c.get("audit"), {
      fields,
      ifMatch: c.req.header("If-Match") ?? null,
    });
    c.header("ETag", await userEtag(user));
    return c.json(serializeUser(user), 200);
  });
}
