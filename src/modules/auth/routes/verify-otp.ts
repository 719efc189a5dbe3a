import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { verifiedOtpSchema, verifyOtpSchema } from "../schemas.ts";
import { verifyOtp } from "../service/verify-otp.ts";
import { callerOf, deviceTokenRequest } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/verify-otp",
  operationId: "verifyOtp",
  tags: ["Auth"],
  summary: "Trade a code for a verification token",
  description: "A code works once, and a few wrong tries end it. What is wrong with one is never told.",
  ...publicJson("auth.verify_otp"),
  request: { body: jsonBody(verifyOtpSchema), headers: deviceTokenRequest },
  responses: {
    200: json(verifiedOtpSchema, "The phone is verified."),
    ...problems(
      "malformed_request",
      "invalid_code",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
      "rate_limited",
    ),
  },
});

export function registerVerifyOtp(app: App): void {
  app.openapi(route, async (c) => c.json(await verifyOtp(c.get("services"), callerOf(c), c.req.valid("json")), 200));
}
