import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, jsonBody, problems, publicJson } from "../../../http/openapi.ts";
import { sendOtpSchema, sentOtpSchema } from "../schemas.ts";
import { sendOtp } from "../service/send-otp.ts";
import { callerOf } from "./shared.ts";

const route = createRoute({
  method: "post",
  path: "/api/auth/send-otp",
  operationId: "sendOtp",
  tags: ["Auth"],
  summary: "Send a one-time code to a phone",
  description:
    "The answer is the same whether or not the phone has an account. Each send is a challenge of its own: an earlier " +
    "code keeps working until it expires. `RateLimit` tells what the caller's address has left.",
  ...publicJson("auth.send_otp"),
  request: { body: jsonBody(sendOtpSchema) },
  responses: {
    202: json(sentOtpSchema, "Accepted."),
    ...problems("malformed_request", "body_too_large", "unsupported_media_type", "validation_failed", "rate_limited"),
  },
});

export function registerSendOtp(app: App): void {
  app.openapi(route, async (c) => c.json(await sendOtp(c.get("services"), callerOf(c), c.req.valid("json")), 202));
}
