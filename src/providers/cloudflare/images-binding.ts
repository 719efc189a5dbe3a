import type { ImageMime } from "../../ports/image-codec.ts";

export interface TransformOptions {
  readonly mime: ImageMime;
  /** The longest side allowed, in pixels; smaller pictures are not enlarged. Full size without it. */
  readonly maxSide?: number;
  readonly quality: number;
}

/**
 * Re-encodes a picture outside the isolate through the IMAGES binding, which applies the EXIF orientation.
 * @throws what the binding throws when it can't read the picture.
 */
export async function transformImage(
  images: ImagesBinding,
  bytes: Uint8Array,
  options: TransformOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { mime, maxSide, quality } = options;
  const input = images.input(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream());
  const resized =
    maxSide === undefined ? input : input.transform({ width: maxSide, height: maxSide, fit: "scale-down" });
  // With a quality, PNGs lose colours to a palette (https://developers.cloudflare.com/images/optimization/features/).
  const result = await resized.output(mime === "image/png" ? { format: mime } : { format: mime, quality });
  return new Uint8Array(await result.response().arrayBuffer());
}
