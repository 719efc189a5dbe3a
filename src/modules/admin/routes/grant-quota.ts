import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminJson, json, jsonBody, problems } from "../../../http/openapi.ts";
import { grantQuotaSchema, quotaGrantSchema, userParam } from "../schemas.ts";
import { serializeGrant } from "../serialize.ts";
import { grantQuota } from "../service/grant-quota.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/users/{id}/quota-grants",
  operationId: "grantQuota",
  tags: ["Admin"],
  summary: "Give an account conversions on top of its plan",
  description: "For the current UTC month. Grants add up.",
  ...adminJson("admin.grant_quota"),
  request: { params: userParam, body: jsonBody(grantQuotaSchema) },
  responses: {
    201: json(quotaGrantSchema, "The grant."),
    ...problems(
      "malformed_request",
      "unauthenticated",
      "forbidden",
      "user_not_found",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerGrantQuota(app: App): void {
  app.openapi(route, async (c) => {
    const { units, reason = null } = c.req.valid("json");
    const target = { userId: c.req.valid("param").id, units, reason };
    const grant = await grantQuota(c.get("services"), c.get("actor"), c.get("audit"), target);
    return c.json(serializeGrant(grant), 201);
  });
}
