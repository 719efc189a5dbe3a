import { inspectImage, stripMetadata } from "../../modules/images/jobs.ts";
import {
  type ImageCodec,
  ImageCodecError,
  type ImageMime,
  MAX_DECODE_PIXELS,
  type Raster,
} from "../../ports/image-codec.ts";
import type { PreparedImage, PrepareRequest } from "../../ports/image-processor.ts";
import { orientRaster } from "../jsquash/orient.ts";

export const THUMBNAIL_SIDE = 512;
const THUMBNAIL_QUALITY = 80;
/** Re-encoding an original should not be seen. */
const ORIGINAL_QUALITY = 95;

/** Re-encodes outside the isolate, applying the EXIF orientation; for pictures too large to decode here. */
export type Transform = (
  bytes: Uint8Array,
  options: { readonly mime: ImageMime; readonly maxSide?: number; readonly quality: number },
) => Promise<Uint8Array<ArrayBuffer>>;

export interface ImageProcessing {
  readonly codec: ImageCodec;
  readonly transform: Transform;
}

const UNREADABLE: PreparedImage = { ok: false, reason: "The picture is damaged and can't be decoded." };

/** Makes an inspected upload storable: upright, without metadata, in its own format, with a thumbnail. */
export async function prepareImage(processing: ImageProcessing, request: PrepareRequest): Promise<PreparedImage> {
  const small = request.width * request.height <= MAX_DECODE_PIXELS;
  try {
    return await (small ? prepareHere(processing, request) : prepareOutside(processing, request));
  } catch (error) {
    if (error instanceof ImageCodecError || isVerdict(error)) return UNREADABLE;
    throw error;
  }
}

/** Whether the IMAGES binding answered about the picture (its errors carry a number), and did not just fail. */
function isVerdict(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}

async function prepareHere({ codec }: ImageProcessing, request: PrepareRequest): Promise<PreparedImage> {
  const { bytes, mime, orientation } = request;
  const stripped = stripMetadata(bytes, mime);
  const upright = orientRaster(await codec.decode(stripped, mime), orientation);
  return {
    ok: true,
    original: orientation === 1 ? stripped : await codec.encode(upright, mime, { quality: ORIGINAL_QUALITY }),
    width: upright.width,
    height: upright.height,
    thumbnail: await thumbnailOf(codec, upright),
  };
}

async function prepareOutside({ transform }: ImageProcessing, request: PrepareRequest): Promise<PreparedImage> {
  const { bytes, mime, orientation } = request;
  const oriented = stripMetadata(bytes, mime, { orientation });
  const thumbnail = await transform(oriented, {
    mime: "image/webp",
    maxSide: THUMBNAIL_SIDE,
    quality: THUMBNAIL_QUALITY,
  });
  const original =
    orientation === 1
      ? stripMetadata(bytes, mime)
      : stripMetadata(await transform(oriented, { mime, quality: ORIGINAL_QUALITY }), mime);
  const found = inspectImage(original);
  if (!found.ok) return UNREADABLE;
  return {
    ok: true,
    original,
    width: found.width,
    height: found.height,
    thumbnail: stripMetadata(thumbnail, "image/webp"),
  };
}

/** A WebP of at most {@link THUMBNAIL_SIDE} px a side, never enlarged. */
export async function thumbnailOf(codec: ImageCodec, raster: Raster): Promise<Uint8Array<ArrayBuffer>> {
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(raster.width, raster.height));
  const width = Math.max(1, Math.round(raster.width * scale));
  const height = Math.max(1, Math.round(raster.height * scale));
  const small = scale < 1 ? await codec.resize(raster, width, height) : raster;
  return codec.encode(small, "image/webp", { quality: THUMBNAIL_QUALITY });
}

/** A stored picture small enough to decode in an isolate, shrunk outside it where it is larger. */
export async function shrinkForDecoding(
  { transform }: Pick<ImageProcessing, "transform">,
  image: { readonly bytes: Uint8Array; readonly mime: ImageMime; readonly width: number; readonly height: number },
): Promise<{ readonly bytes: Uint8Array; readonly mime: ImageMime }> {
  const { bytes, mime, width, height } = image;
  if (width * height <= MAX_DECODE_PIXELS) return { bytes, mime };
  const maxSide = Math.floor(Math.max(width, height) * Math.sqrt(MAX_DECODE_PIXELS / (width * height)));
  return { bytes: await transform(bytes, { mime, maxSide, quality: ORIGINAL_QUALITY }), mime };
}
