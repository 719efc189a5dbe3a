import { letGo } from "../../kernel/let-go.ts";
import { inspectImage, MIN_SIDE_PX, overflowsPng, stripMetadata } from "../../modules/images/jobs.ts";
import { type ImageCodec, ImageCodecError, type ImageMime, MAX_DECODE_PIXELS } from "../../ports/image-codec.ts";
import { GenerationError, type SourceImage } from "../../ports/image-generator.ts";
import type { PreparedImage, PrepareRequest } from "../../ports/image-processor.ts";
import { orientRaster } from "../jsquash/orient.ts";
import { shrunkSide } from "./shrunk-side.ts";
import { SMALL_THUMBNAIL_SIDE, THUMBNAIL_QUALITY, THUMBNAIL_SIDE, thumbnailsOf } from "./thumbnails.ts";

/** Re-encoding an original should not be seen. */
const ORIGINAL_QUALITY = 95;
/** Sources for providers: jobs that wait hold them in memory, several at a time. */
const MAX_SOURCE_BYTES = 1_500_000;
const MAX_SOURCE_SIDE = 2_048;
const SOURCE_QUALITY = 90;

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
const OVERFULL: PreparedImage = { ok: false, reason: "The picture holds far more data than its size needs." };

/** Makes an inspected upload storable: upright, without metadata, in its own format, with thumbnails. */
export async function prepareImage(processing: ImageProcessing, request: PrepareRequest): Promise<PreparedImage> {
  const small = request.width * request.height <= MAX_DECODE_PIXELS;
  if (request.mime === "image/png" && (await overflowsPng(request.bytes))) return OVERFULL;
  try {
    return await (small ? prepareHere(processing, request) : prepareOutside(processing, request));
  } catch (error) {
    if (error instanceof ImageCodecError || isVerdict(error)) return UNREADABLE;
    throw error;
  }
}

/**
 * The numbers of the IMAGES binding that speak of the account or of its servers: a spent allowance, nobody there
 * (https://developers.cloudflare.com/images/reference/troubleshooting/).
 */
const NOT_THE_PICTURES: ReadonlySet<number> = new Set([9422, 9504, 9505, 9510]);

/** Whether the IMAGES binding answered about the picture (its errors carry a number), and did not just fail. */
export function isVerdict(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error && typeof error.code === "number")) return false;
  return !NOT_THE_PICTURES.has(error.code);
}

async function prepareHere({ codec }: ImageProcessing, request: PrepareRequest): Promise<PreparedImage> {
  const { bytes, mime, orientation } = request;
  const stripped = stripMetadata(bytes, mime);
  const decoded = await codec.decode(stripped, mime);
  const upright = orientRaster(decoded, orientation);
  if (upright !== decoded) letGo(decoded);
  const original = orientation === 1 ? stripped : await codec.encode(upright, mime, { quality: ORIGINAL_QUALITY });
  const thumbnails = await thumbnailsOf(codec, upright);
  letGo(upright);
  return { ok: true, original, width: upright.width, height: upright.height, ...thumbnails };
}

async function prepareOutside({ transform }: ImageProcessing, request: PrepareRequest): Promise<PreparedImage> {
  const { bytes, mime, orientation } = request;
  const oriented = stripMetadata(bytes, mime, { orientation });
  const thumbnail = (maxSide: number) =>
    transform(oriented, { mime: "image/webp", maxSide, quality: THUMBNAIL_QUALITY });
  const [large, small] = [await thumbnail(THUMBNAIL_SIDE), await thumbnail(SMALL_THUMBNAIL_SIDE)];
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
    thumbnail: stripMetadata(large, "image/webp"),
    smallThumbnail: stripMetadata(small, "image/webp"),
  };
}

/**
 * A stored picture as providers get it: small enough to decode in an isolate and to hold a few of in its memory; shrunk
 * outside it where it is larger. Pictures that may be transparent become WebP, the others JPEG.
 * @throws {GenerationError} invalid_input for a picture that can't be shrunk and so can't be given to anybody; as it is
 * for machinery that fails, with which another attempt may have more luck.
 */
export async function shrinkSource(
  { transform }: Pick<ImageProcessing, "transform">,
  image: SourceImage,
): Promise<SourceImage> {
  const { bytes, mime, width, height } = image;
  if (width * height <= MAX_DECODE_PIXELS && bytes.byteLength <= MAX_SOURCE_BYTES) return image;
  const limits = { maxSide: MAX_SOURCE_SIDE, maxPixels: MAX_DECODE_PIXELS, minSide: MIN_SIDE_PX };
  const maxSide = shrunkSide(image, limits);
  const smallMime = mime === "image/jpeg" ? mime : "image/webp";
  const small = await transform(bytes, { mime: smallMime, maxSide, quality: SOURCE_QUALITY }).catch(
    (error: unknown) => {
      if (!(error instanceof ImageCodecError || isVerdict(error))) throw error;
      throw new GenerationError("invalid_input", "a source picture can't be shrunk", { cause: error });
    },
  );
  const found = inspectImage(small);
  if (!found.ok) throw new GenerationError("invalid_input", `a shrunk source picture is not usable: ${found.reason}`);
  return { bytes: small, mime: smallMime, width: found.width, height: found.height };
}
