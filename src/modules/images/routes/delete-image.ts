import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { idParam, problems, userCommand } from "../../../http/openapi.ts";
import { deleteImage } from "../service/delete-image.ts";

const route = createRoute({
  method: "delete",
  path: "/api/images/{id}",
  operationId: "deleteImage",
  tags: ["Images"],
  summary: "Delete an image",
  description: "Refused while a queued or running conversion needs it.",
  ...userCommand("image.delete"),
  request: { params: idParam },
  responses: {
    204: { description: "Deleted." },
    ...problems("unauthenticated", "image_not_found", "image_in_use", "body_too_large", "validation_failed"),
  },
});

export function registerDeleteImage(app: App): void {
  app.openapi(route, async (c) => {
    await deleteImage(c.get("services"), c.get("actor"), c.get("audit"), c.req.valid("param").id);
    return c.body(null, 204);
  });
}
