/** Container formats the service reads and writes. */
export const IMAGE_MIMES = ["image/jpeg", "image/png", "image/webp"] as const;
export type ImageMime = (typeof IMAGE_MIMES)[number];

/** Decoded pixels: RGBA, 8 bits a channel, not premultiplied, sRGB, rows top to bottom without padding. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** The most pixels that may be decoded in an isolate of 128 MB; larger pictures are shrunk before. */
export const MAX_DECODE_PIXELS = 4_000_000;

/**
 * Turns encoded bytes into pixels and back.
 *
 * Callers check the header dimensions against {@link MAX_DECODE_PIXELS} first: a codec allocates what the header asks for.
 * Orientation metadata is not applied and no metadata is written.
 */
export interface ImageCodec {
  /**
   * Colours are turned into sRGB where the picture has a colour profile.
   * @throws {ImageCodecError} when the bytes are not a picture of `mime`.
   */
  decode(bytes: Uint8Array, mime: ImageMime): Promise<Raster>;
  /** `quality` is 1–100 (default 90) for JPEG and WebP; PNG is lossless. Transparent pixels become white in JPEG. */
  encode(raster: Raster, mime: ImageMime, options?: { readonly quality?: number }): Promise<Uint8Array<ArrayBuffer>>;
  /** Resamples (Lanczos 3) to exactly `width` × `height` pixels. */
  resize(raster: Raster, width: number, height: number): Promise<Raster>;
}

/** The bytes could not be decoded or the pixels could not be encoded. */
export class ImageCodecError extends Error {
  override readonly name = "ImageCodecError";
}
