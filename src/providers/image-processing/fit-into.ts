import type { ImageCodec } from "../../ports/image-codec.ts";
import type { SourceImage } from "../../ports/image-generator.ts";
import { fitted } from "./thumbnails.ts";

/** Little enough is lost that a model sees no difference. */
const QUALITY = 95;

/**
 * A picture small enough to decode, with no side over `maxSide` px: as it is where it fits, otherwise as JPEG, with
 * white behind what is transparent. Decodes in the isolate.
 * @throws {ImageCodecError} when the bytes are no picture of the type.
 */
export async function fitInto(codec: ImageCodec, image: SourceImage, maxSide: number): Promise<SourceImage> {
  if (Math.max(image.width, image.height) <= maxSide) return image;
  const raster = await fitted(codec, await codec.decode(image.bytes, image.mime), maxSide);
  const bytes = await codec.encode(raster, "image/jpeg", { quality: QUALITY });
  return { bytes, mime: "image/jpeg", width: raster.width, height: raster.height };
}
