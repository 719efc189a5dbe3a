import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { rateLimit } from "../../../http/middleware/rate-limit.ts";
import { idParam, json, problems, userCommand } from "../../../http/openapi.ts";
import { conversionSchema } from "../schemas.ts";
import { retryConversion } from "../service/retry-conversion.ts";
import { createdResponse, idempotencyKey, waitSeconds } from "./shared.ts";

const command = userCommand("conversion.retry");

const route = createRoute({
  method: "post",
  path: "/api/conversions/{id}/retry",
  operationId: "retryConversion",
  tags: ["Conversions"],
  summary: "Try a failed, canceled or expired conversion again",
  description: "Makes a new conversion with the same inputs and `retryOf` set; it takes a unit of its own.",
  ...command,
  middleware: [...command.middleware, rateLimit("conversionsPerUser")],
  request: { params: idParam },
  responses: {
    201: json(conversionSchema, "Ended within `Prefer: wait`."),
    202: json(conversionSchema, "Accepted; poll `Location`."),
    ...problems(
      "unauthenticated",
      "quota_exceeded",
      "conversion_not_found",
      "image_not_found",
      "invalid_transition",
      "idempotency_in_flight",
      "idempotency_mismatch",
      "body_too_large",
      "validation_failed",
      "concurrency_limit",
      "rate_limited",
    ),
  },
});

export function registerRetryConversion(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    const key = idempotencyKey(c);
    const answer = await retryConversion(c.get("services"), c.get("actor"), id, {
      idempotency: key === null ? null : { operation: "conversions.retry", key, fingerprint: id },
      audit: c.get("audit"),
      waitSeconds: waitSeconds(c),
    });
    return createdResponse(c, answer) as never;
  });
}
