import type { ImageCodec, Raster } from "../../ports/image-codec.ts";

export const THUMBNAIL_SIDE = 512;
export const SMALL_THUMBNAIL_SIDE = 256;
export const THUMBNAIL_QUALITY = 80;

export interface Thumbnails {
  /** WebP, at most {@link THUMBNAIL_SIDE} px a side. */
  readonly thumbnail: Uint8Array<ArrayBuffer>;
  /** WebP, at most {@link SMALL_THUMBNAIL_SIDE} px a side. */
  readonly smallThumbnail: Uint8Array<ArrayBuffer>;
}

/** Both thumbnails of a picture, never enlarged; the smaller one is made from the larger. */
export async function thumbnailsOf(codec: ImageCodec, raster: Raster): Promise<Thumbnails> {
  const large = await fitted(codec, raster, THUMBNAIL_SIDE);
  const small = await fitted(codec, large, SMALL_THUMBNAIL_SIDE);
  const encode = (picture: Raster) => codec.encode(picture, "image/webp", { quality: THUMBNAIL_QUALITY });
  const thumbnail = await encode(large);
  return { thumbnail, smallThumbnail: small === large ? thumbnail : await encode(small) };
}

/** The picture with no side over `maxSide` px, in its proportions; the same raster where it fits. */
export async function fitted(codec: ImageCodec, raster: Raster, maxSide: number): Promise<Raster> {
  const scale = maxSide / Math.max(raster.width, raster.height);
  if (scale >= 1) return raster;
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return codec.resize(raster, side(raster.width), side(raster.height));
}
