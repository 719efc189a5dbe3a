import { z } from "@hono/zod-openapi";
import { pageFields } from "../../kernel/page.ts";
import { IMAGE_MIMES } from "../../ports/image-codec.ts";
import { UPLOAD_KINDS } from "./repository.ts";
import { IMAGE_VARIANTS } from "./signed-urls.ts";

export const imageSchema = z
  .object({
    id: z.string().openapi({ example: "img_01KBTESTTESTTESTTESTTESTTE" }),
    kind: z.enum([...UPLOAD_KINDS, "result"]),
    mime: z.enum(IMAGE_MIMES),
    bytes: z.int(),
    width: z.int(),
    height: z.int(),
    sha256: z.string().openapi({ description: "Lower-case hex, of the stored original." }),
    url: z.string().openapi({ description: "Signed: needs no token until `urlExpiresAt`." }),
    thumbnailUrl: z.string().openapi({ description: "WebP, at most 512 px a side." }),
    thumbnail256Url: z.string().openapi({ description: "WebP, at most 256 px a side." }),
    urlExpiresAt: z.iso.datetime(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable().openapi({
      description: "When the image will be removed, by your plan; null for never.",
    }),
  })
  .openapi("Image");
export type ImageBody = z.output<typeof imageSchema>;

export const imageListSchema = z
  .object({ items: z.array(imageSchema), nextCursor: z.string().nullable() })
  .openapi("ImageList");

export const listImagesQuerySchema = z.object({
  kind: z.enum(UPLOAD_KINDS).optional(),
  ...pageFields,
});

export const contentQuerySchema = z.object({
  variant: z.enum(IMAGE_VARIANTS).default("original"),
  exp: z.string().optional().openapi({ description: "Of a signed url." }),
  sig: z.string().optional().openapi({ description: "Of a signed url." }),
});

/** The text fields of an upload. */
export const uploadFieldsSchema = z.strictObject({ kind: z.enum(UPLOAD_KINDS) });

/** The upload as it is documented; the bytes are read by hand. */
export const uploadSchema = z
  .object({
    kind: z.enum(UPLOAD_KINDS),
    file: z.string().openapi({ type: "string", format: "binary", description: "JPEG, PNG or WebP, at most 10 MB." }),
  })
  .openapi("UploadImage");
