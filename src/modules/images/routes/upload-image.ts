import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { audited } from "../../../http/middleware/audited.ts";
import { authenticate } from "../../../http/middleware/authenticate.ts";
import { bodyLimit } from "../../../http/middleware/body-limit.ts";
import { rateLimit } from "../../../http/middleware/rate-limit.ts";
import { readMultipart } from "../../../http/multipart.ts";
import { json, problems, userAccess } from "../../../http/openapi.ts";
import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { validate } from "../../../kernel/validate.ts";
import { imageSchema, uploadFieldsSchema, uploadSchema } from "../schemas.ts";
import { imageEtag, serializeImage } from "../serialize.ts";
import { MAX_IMAGE_BYTES } from "../service/prepare-upload.ts";
import { uploadImage } from "../service/upload-image.ts";

const route = createRoute({
  method: "post",
  path: "/api/images",
  operationId: "uploadImage",
  tags: ["Images"],
  summary: "Upload a picture",
  description:
    "JPEG, PNG or WebP; at most 10,485,760 bytes, 64 to 8192 px a side, 25 megapixels. The bytes decide the type. " +
    "Metadata is removed and the orientation applied before anything is stored.",
  "x-role": userAccess["x-role"],
  security: userAccess.security,
  request: { body: { required: true, content: { "multipart/form-data": { schema: uploadSchema } } } },
  responses: {
    201: json(imageSchema, "The stored image."),
    ...problems(
      "malformed_request",
      "unauthenticated",
      "image_too_large",
      "unsupported_media_type",
      "unsupported_image",
      "validation_failed",
      "invalid_image",
      "rate_limited",
    ),
  },
});

/** Room for the multipart framing and the other field around the largest picture. */
const OVERHEAD_BYTES = 64 * 1024;
const limits = bodyLimit({
  limits: { "multipart/form-data": MAX_IMAGE_BYTES + OVERHEAD_BYTES },
  tooLarge: "image_too_large",
});

export function registerUploadImage(app: App): void {
  app.openAPIRegistry.registerPath(route);
  const guards = [audited("image.upload"), authenticate, rateLimit("uploadsPerUser"), limits] as const;
  app.post("/api/images", ...guards, async (c) => {
    const { fields, files } = await readMultipart(c, ["file"]);
    if (files.file && files.file.byteLength > MAX_IMAGE_BYTES) throw new AppError("image_too_large");
    const { kind } = validate(uploadFieldsSchema, fields);
    if (!files.file) throw invalidField("file", "required", "Send the picture as the file part `file`.");
    const image = await uploadImage(c.get("services"), c.get("actor"), c.get("audit"), { kind, bytes: files.file });
    c.get("event").imageId = image.id;
    const headers = { Location: `/api/images/${image.id}`, ETag: imageEtag(image) };
    return c.json(await serializeImage(c.get("services"), image), 201, headers);
  });
}
