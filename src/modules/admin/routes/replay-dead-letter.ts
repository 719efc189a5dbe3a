import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminCommand, json, problems } from "../../../http/openapi.ts";
import { deadLetterParam, replaySchema } from "../schemas.ts";
import { replayDeadLetter } from "../service/replay-dead-letter.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/dead-letters/{id}/replay",
  operationId: "replayDeadLetter",
  tags: ["Admin"],
  summary: "Give an undelivered conversion another try",
  description:
    "As a new conversion of its owner's, `retryOf` the failed one; it takes a unit of the owner's. Once for each " +
    "conversion, however many ask at the same time.",
  ...adminCommand("admin.replay_dead_letter"),
  request: { params: deadLetterParam },
  responses: {
    202: json(replaySchema, "The new conversion, queued."),
    ...problems(
      "unauthenticated",
      "quota_exceeded",
      "forbidden",
      "dead_letter_not_found",
      "conversion_not_found",
      "image_not_found",
      "invalid_transition",
      "body_too_large",
      "validation_failed",
      "concurrency_limit",
    ),
  },
});

export function registerReplayDeadLetter(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await replayDeadLetter(c.get("services"), c.get("actor"), c.get("audit"), id), 202);
  });
}
