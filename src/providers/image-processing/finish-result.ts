import { digitalSourceXmp, embedXmp, inspectImage, stripMetadata } from "../../modules/images/jobs.ts";
import { ImageCodecError, type ImageMime, MAX_DECODE_PIXELS } from "../../ports/image-codec.ts";
import { GenerationError, type ProviderId } from "../../ports/image-generator.ts";
import { orientRaster } from "../jsquash/orient.ts";
import type { ImageProcessing } from "./prepare-image.ts";
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
    if (!(error instanceof ImageCodecError)) throw error;
    throw new GenerationError("no_image", `the provider's picture can't be decoded: ${error.message}`);
  }
}

async function finish(
  { codec, transform }: ImageProcessing,
  bytes: Uint8Array,
  { outputMime, provider }: { readonly outputMime: ImageMime; readonly provider: ProviderId },
): Promise<FinishedResult> {
  const found = inspected(bytes);
  const { mime, width, height, orientation } = found;
  const isLarge = width * height > MAX_DECODE_PIXELS || Math.max(width, height) > MAX_SIDE;
  if (isLarge) {
    const upright = stripMetadata(bytes, mime, { orientation });
    const small = await transform(upright, { mime: outputMime, maxSide: SENSIBLE_SIDE, quality: RESULT_QUALITY });
    return finish({ codec, transform }, small, { outputMime, provider });
  }
  const plain = stripMetadata(bytes, mime);
  const raster = orientRaster(await codec.decode(plain, mime), orientation);
  const isAsAsked = mime === outputMime && orientation === 1;
  const encoded = isAsAsked ? plain : await codec.encode(raster, outputMime, { quality: RESULT_QUALITY });
  const source = provider === "local" ? "algorithmicallyEnhanced" : "compositeWithTrainedAlgorithmicMedia";
  return {
    bytes: embedXmp(encoded, outputMime, digitalSourceXmp(source)),
    mime: outputMime,
    width: raster.width,
    height: raster.height,
    ...(await thumbnailsOf(codec, raster)),
  };
}

function inspected(bytes: Uint8Array) {
  const found = inspectImage(bytes);
  if (!found.ok) throw new GenerationError("no_image", `the provider's answer is not a usable picture: ${found.reason}`);
  return found;
}
