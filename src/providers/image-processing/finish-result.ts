import { letGo } from "../../kernel/let-go.ts";
import {
  digitalSourceXmp,
  embedXmp,
  type InspectedImage,
  inspectImage,
  MIN_SIDE_PX,
  stripMetadata,
} from "../../modules/images/jobs.ts";
import { ImageCodecError, type ImageMime, MAX_DECODE_PIXELS } from "../../ports/image-codec.ts";
import { GenerationError, type ProviderId } from "../../ports/image-generator.ts";
import { orientRaster } from "../jsquash/orient.ts";
import { type ImageProcessing, isVerdict, type Transform } from "./prepare-image.ts";
import { shrunkSide } from "./shrunk-side.ts";
import { type Thumbnails, thumbnailsOf } from "./thumbnails.ts";

/** Results that are larger are shrunk to {@link SENSIBLE_SIDE}: nobody asked for a poster. */
const MAX_SIDE = 4_096;
const SENSIBLE_SIDE = 2_048;
const RESULT_QUALITY = 90;

export interface FinishedResult extends Thumbnails {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mime: ImageMime;
  readonly width: number;
  readonly height: number;
}

/**
 * A provider's picture as it is kept: in the format that was asked for, at most 4 MP, upright, without metadata but the
 * XMP mark of its origin, with thumbnails. The pixels are encoded anew only where format or size must change.
 * @throws {GenerationError} `no_image` when the bytes are no picture anyone could use.
 */
export async function finishResult(
  processing: ImageProcessing,
  image: { readonly bytes: Uint8Array; readonly mime: ImageMime },
  options: { readonly outputMime: ImageMime; readonly provider: ProviderId },
): Promise<FinishedResult> {
  try {
    return await finish(processing, image.bytes, options);
  } catch (error) {
    if (!(error instanceof ImageCodecError || isVerdict(error))) throw error;
    throw new GenerationError("no_image", "the provider's picture can't be decoded", { cause: error });
  }
}

async function finish(
  { codec, transform }: ImageProcessing,
  given: Uint8Array,
  { outputMime, provider }: { readonly outputMime: ImageMime; readonly provider: ProviderId },
): Promise<FinishedResult> {
  const { bytes, found } = await sensible(transform, given, outputMime);
  const { mime, orientation } = found;
  const plain = stripMetadata(bytes, mime);
  const decoded = await codec.decode(plain, mime);
  if (decoded.width !== found.width || decoded.height !== found.height) {
    throw new GenerationError("no_image", "the provider's picture has other dimensions than it says");
  }
  const raster = orientRaster(decoded, orientation);
  const isAsAsked = mime === outputMime && orientation === 1;
  const encoded = isAsAsked ? plain : await codec.encode(raster, outputMime, { quality: RESULT_QUALITY });
  const source = provider === "local" ? "algorithmicallyEnhanced" : "compositeWithTrainedAlgorithmicMedia";
  const thumbnails = await thumbnailsOf(codec, raster);
  letGo(decoded, raster);
  return {
    bytes: embedXmp(encoded, outputMime, digitalSourceXmp(source)),
    mime: outputMime,
    width: raster.width,
    height: raster.height,
    ...thumbnails,
  };
}

interface Inspected {
  readonly bytes: Uint8Array;
  readonly found: InspectedImage;
}

/** The picture as it is, or, where it is too large to keep or to decode here, shrunk and turned upright. */
async function sensible(transform: Transform, bytes: Uint8Array, outputMime: ImageMime): Promise<Inspected> {
  const found = inspected(bytes);
  const { mime, width, height, orientation, hasAlpha } = found;
  const maxSide = shrunkSide(found, { maxSide: SENSIBLE_SIDE, maxPixels: MAX_DECODE_PIXELS, minSide: MIN_SIDE_PX });
  const side = Math.max(width, height);
  if (width * height <= MAX_DECODE_PIXELS && (side <= MAX_SIDE || side === maxSide)) return { bytes, found };
  const small = await transform(stripMetadata(bytes, mime, { orientation }), {
    // A transparent picture becomes a JPEG in the codec, which puts white behind it.
    mime: hasAlpha && outputMime === "image/jpeg" ? "image/png" : outputMime,
    maxSide,
    quality: RESULT_QUALITY,
  });
  const shrunk = inspected(small);
  if (shrunk.width * shrunk.height > MAX_DECODE_PIXELS)
    throw new Error("a picture was not shrunk as it was asked to be");
  return { bytes: small, found: shrunk };
}

function inspected(bytes: Uint8Array): InspectedImage {
  const found = inspectImage(bytes);
  if (!found.ok)
    throw new GenerationError("no_image", `the provider's answer is not a usable picture: ${found.reason}`);
  return found;
}
