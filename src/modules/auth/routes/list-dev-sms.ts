import { createRoute, z } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, publicAccess } from "../../../http/openapi.ts";
import { AppError } from "../../../kernel/app-error.ts";
import { toTimestamp } from "../../../kernel/clock.ts";
import { inboxSchema, phoneField } from "../schemas.ts";
import { hasDevInbox, listDevSms } from "../service/list-dev-sms.ts";

const PATH = "/api/dev/sms";

const route = createRoute({
  method: "get",
  path: PATH,
  operationId: "listDevSms",
  tags: ["Development"],
  summary: "The messages that would have been sent",
  description: "Only in development with the `dev` SMS provider; everywhere else there is nothing at this address.",
  ...publicAccess,
  request: { query: z.object({ phone: phoneField.optional() }) },
  responses: { 200: json(inboxSchema, "Newest first, at most 50."), ...problems("not_found", "validation_failed") },
});

export function registerListDevSms(app: App): void {
  // For every method: elsewhere than in development a wrong one must not answer 405 and show that the route is there.
  app.use(PATH, async (c, next) => {
    if (!hasDevInbox(c.get("services"))) throw new AppError("not_found");
    await next();
  });
  app.openapi(route, async (c) => {
    const messages = await listDevSms(c.get("services"), c.req.valid("query").phone ?? null);
    return c.json({ items: messages.map((message) => ({ ...message, sentAt: toTimestamp(message.sentAt) })) }, 200);
  });
}
