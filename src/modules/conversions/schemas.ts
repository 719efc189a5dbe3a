import { z } from "@hono/zod-openapi";
import { pageFields } from "../../kernel/page.ts";
import { GARMENT_CATEGORIES, PROVIDER_IDS } from "../../ports/image-generator.ts";
import { CONVERSION_KINDS, CONVERSION_STAGES, CONVERSION_STATUSES } from "./conversion.ts";
import { FAILURE_CODES } from "./failures.ts";
import { STYLE_PRESET_IDS } from "./style-presets.ts";

export const OUTPUT_FORMATS = ["jpeg", "png", "webp"] as const;

const imageId = z.string().min(1).max(64);
/** Text without NUL and broken surrogates, which no client could read back as it was sent. */
function readable(max: number) {
  return z
    .string()
    .trim()
    .max(max)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), "Broken text is not accepted.");
}

const title = readable(200).min(1);
const metadata = z
  .record(z.string().min(1).max(64), z.string().max(500))
  .refine((pairs) => Object.keys(pairs).length <= 20, "At most 20 pairs.")
  .openapi({ description: "At most 20 pairs of strings of your own, returned as they are." });

const common = {
  personImageId: imageId.openapi({ description: "The photo to convert." }),
  prompt: readable(500)
    .optional()
    .openapi({ description: "Wishes in your own words, for providers that understand text." }),
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .optional()
    .openapi({ description: "The same seed gives the same picture; random when left out." }),
  outputFormat: z.enum(OUTPUT_FORMATS).default("jpeg"),
  provider: z.enum(PROVIDER_IDS).optional(),
  fallback: z.enum(["deny", "allow"]).default("deny").openapi({
    description: "Whether a provider of lower quality may take over; such results are marked `degraded`.",
  }),
  title: title.optional(),
  metadata: metadata.optional(),
};

const styleRequest = z
  .strictObject({
    kind: z.literal("style"),
    ...common,
    styleImageId: imageId.optional().openapi({ description: "A picture whose look is taken over." }),
    stylePreset: z.enum(STYLE_PRESET_IDS).optional().openapi({ description: "A style of `GET /api/styles`." }),
  })
  .refine((body) => (body.styleImageId === undefined) !== (body.stylePreset === undefined), {
    path: ["stylePreset"],
    message: "Give one of styleImageId and stylePreset.",
  });

const tryonRequest = z.strictObject({
  kind: z.literal("tryon"),
  ...common,
  garmentImageId: imageId.openapi({ description: "The garment to put on." }),
  category: z.enum(GARMENT_CATEGORIES).default("auto"),
});

export const createConversionSchema = z
  .discriminatedUnion("kind", [styleRequest, tryonRequest])
  .openapi("CreateConversion");
export type CreateConversionBody = z.output<typeof createConversionSchema>;

export const updateConversionSchema = z
  .strictObject({
    title: title.nullable().optional(),
    metadata: metadata.optional(),
    favorite: z.boolean().optional(),
  })
  .openapi("UpdateConversion");

const time = z.iso.datetime();

export const conversionSchema = z
  .object({
    id: z.string().openapi({ example: "cnv_01KBTESTTESTTESTTESTTESTTE" }),
    kind: z.enum(CONVERSION_KINDS),
    status: z.enum(CONVERSION_STATUSES),
    stage: z.enum(CONVERSION_STAGES).nullable(),
    progress: z.int().min(0).max(100).openapi({
      description: "Each stage weighs what it usually takes. Never falls, but for a job that starts anew.",
    }),
    queuePosition: z.int().min(0).nullable().openapi({
      description:
        "How many wait before it; 0 is next. Null when it doesn't wait, and in answers that create. Not covered by the ETag.",
    }),
    estimatedCompletionAt: time.nullable().openapi({
      description: "By what conversions of its kind took lately; null when nothing is known. Not covered by the ETag.",
    }),
    input: z.object({
      personImageId: z.string(),
      garmentImageId: z.string().nullable(),
      category: z.enum(GARMENT_CATEGORIES).nullable(),
      styleImageId: z.string().nullable(),
      stylePreset: z.string().nullable(),
      prompt: z.string().nullable(),
      seed: z.int(),
      outputFormat: z.enum(OUTPUT_FORMATS),
      fallback: z.enum(["deny", "allow"]),
    }),
    provider: z.object({
      requested: z.enum(PROVIDER_IDS).nullable(),
      used: z.enum(PROVIDER_IDS).nullable(),
      model: z.string().nullable(),
      degraded: z.boolean(),
    }),
    attempt: z.int(),
    output: z
      .object({
        imageId: z.string(),
        url: z.string(),
        thumbnailUrl: z.string(),
        thumbnail256Url: z.string(),
        mime: z.string(),
        width: z.int(),
        height: z.int(),
        bytes: z.int(),
        sha256: z.string(),
        urlExpiresAt: time,
      })
      .nullable(),
    error: z.object({ code: z.enum(FAILURE_CODES), message: z.string(), retryable: z.boolean() }).nullable(),
    dataRemoved: z.boolean().openapi({ description: "There was a result, and its data has been removed." }),
    expiresAt: time.nullable().openapi({ description: "When the result's data will be removed; null for never." }),
    usage: z.object({
      units: z.int(),
      state: z.enum(["reserved", "committed", "released"]),
      period: z.string().openapi({ example: "2026-11" }),
    }),
    title: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    favorite: z.boolean(),
    retryOf: z.string().nullable(),
    version: z.int(),
    createdAt: time,
    queuedAt: time,
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    deadlineAt: time,
    updatedAt: time,
    urls: z.object({ self: z.string(), cancel: z.string() }),
  })
  .openapi("Conversion");
export type ConversionBody = z.output<typeof conversionSchema>;

export const conversionListSchema = z
  .object({ items: z.array(conversionSchema), nextCursor: z.string().nullable() })
  .openapi("ConversionList");

export const pageQuerySchema = z.object({
  ...pageFields,
});

export const listQuerySchema = pageQuerySchema.extend({
  status: z.enum(CONVERSION_STATUSES).optional(),
  kind: z.enum(CONVERSION_KINDS).optional(),
});

export const styleListSchema = z
  .object({
    items: z.array(z.object({ id: z.string(), name: z.string(), description: z.string(), sampleUrl: z.string() })),
    nextCursor: z.string().nullable(),
  })
  .openapi("StyleList");
