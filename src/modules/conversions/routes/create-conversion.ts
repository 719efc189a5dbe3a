import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { App, AppEnv } from "../../../http/app-type.ts";
import { audited } from "../../../http/middleware/audited.ts";
import { authenticate } from "../../../http/middleware/authenticate.ts";
import { bodyLimit, JSON_LIMIT_BYTES } from "../../../http/middleware/body-limit.ts";
import { rateLimit } from "../../../http/middleware/rate-limit.ts";
import { readMultipart } from "../../../http/multipart.ts";
import { json, parseJsonBody, problems, userAccess } from "../../../http/openapi.ts";
import { canonicalJson, sha256Hex, utf8 } from "../../../kernel/encoding.ts";
import { MAX_IMAGE_BYTES } from "../../images/index.ts";
import { conversionSchema, createConversionSchema } from "../schemas.ts";
import type { CreateAnswer } from "../service/create-conversion.ts";
import { createFromIds, createFromUploads } from "../service/create-from-request.ts";
import { createdResponse, idempotencyKey, waitSeconds } from "./shared.ts";

const FILE_FIELDS = ["person", "garment", "style"] as const;

const file = z.string().optional().openapi({ type: "string", format: "binary" });
const multipartSchema = z
  .object({
    kind: z.enum(["style", "tryon"]),
    person: file,
    garment: file,
    style: file,
    metadata: z.string().optional().openapi({ description: "A JSON object of strings." }),
  })
  .openapi("CreateConversionUpload", {
    description: "The fields of `CreateConversion` as text, with files in place of image ids.",
    additionalProperties: true,
  });

const route = createRoute({
  method: "post",
  path: "/api/conversions",
  operationId: "createConversion",
  tags: ["Conversions"],
  summary: "Restyle a photo, or try a garment on",
  description:
    "Takes ids of uploaded images as JSON, or the pictures themselves as multipart. `Idempotency-Key` makes a repeat " +
    "harmless; `Prefer: wait=N` (N ≤ 25) answers 201 when the conversion ends in time.",
  "x-role": userAccess["x-role"],
  security: userAccess.security,
  request: {
    body: {
      required: true,
      content: {
        "application/json": { schema: createConversionSchema },
        "multipart/form-data": { schema: multipartSchema },
      },
    },
  },
  responses: {
    201: json(conversionSchema, "Ended within `Prefer: wait`."),
    202: json(conversionSchema, "Accepted; poll `Location`."),
    ...problems(
      "malformed_request",
      "unauthenticated",
      "quota_exceeded",
      "image_not_found",
      "idempotency_in_flight",
      "body_too_large",
      "image_too_large",
      "unsupported_media_type",
      "unsupported_image",
      "validation_failed",
      "invalid_image",
      "idempotency_mismatch",
      "concurrency_limit",
      "rate_limited",
    ),
  },
});

const limits = bodyLimit({
  limits: { "application/json": JSON_LIMIT_BYTES, "multipart/form-data": 2 * MAX_IMAGE_BYTES + 256 * 1024 },
  tooLarge: "image_too_large",
});

async function idempotencyOf(c: Context<AppEnv>, request: unknown) {
  const key = idempotencyKey(c);
  if (key === null) return null;
  return { operation: "conversions.create", key, fingerprint: await sha256Hex(utf8(canonicalJson(request))) };
}

async function fromJson(c: Context<AppEnv>): Promise<CreateAnswer> {
  const body = await parseJsonBody(c, createConversionSchema);
  const command = {
    body,
    idempotency: await idempotencyOf(c, body),
    audit: c.get("audit"),
    waitSeconds: waitSeconds(c),
  };
  return createFromIds(c.get("services"), c.get("actor"), command);
}

async function fromMultipart(c: Context<AppEnv>): Promise<CreateAnswer> {
  const { fields, files } = await readMultipart(c, FILE_FIELDS);
  const digests = await Promise.all(
    Object.entries(files).map(async ([role, bytes]) => [role, await sha256Hex(bytes)] as const),
  );
  const idempotency = await idempotencyOf(c, { fields, files: Object.fromEntries(digests) });
  return createFromUploads(c.get("services"), c.get("actor"), {
    fields,
    files,
    idempotency,
    audit: c.get("audit"),
    waitSeconds: waitSeconds(c),
  });
}

export function registerCreateConversion(app: App): void {
  app.openAPIRegistry.registerPath(route);
  const guards = [audited("conversion.create"), authenticate, rateLimit("conversionsPerUser"), limits] as const;
  app.post("/api/conversions", ...guards, async (c) => {
    const multipart = /^multipart\/form-data/i.test(c.req.header("Content-Type") ?? "");
    return createdResponse(c, await (multipart ? fromMultipart(c) : fromJson(c)));
  });
}
