import { AppError } from "../../../kernel/app-error.ts";
import type { ImageMime } from "../../../ports/image-codec.ts";
import { inspectImage } from "../container/index.ts";
import type { ImagesDeps } from "../deps.ts";

export const MAX_IMAGE_BYTES = 10_485_760;

/** A checked upload, ready to be stored. */
export interface PreparedUpload {
  readonly mime: ImageMime;
  readonly width: number;
  readonly height: number;
  readonly original: Uint8Array<ArrayBuffer>;
  readonly thumbnail: Uint8Array<ArrayBuffer>;
  readonly smallThumbnail: Uint8Array<ArrayBuffer>;
}

/**
 * Checks a picture, header first, and makes it storable: upright, without metadata, with thumbnails. Stores nothing.
 * @throws {AppError} `image_too_large`, `unsupported_image` or `invalid_image` with the reason.
 */
export async function prepareUpload(
  deps: Pick<ImagesDeps, "imageProcessor">,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<PreparedUpload> {
  if (bytes.byteLength > MAX_IMAGE_BYTES) throw new AppError("image_too_large");
  const found = inspectImage(bytes);
  if (!found.ok) {
    const code = found.error === "unsupported" ? "unsupported_image" : "invalid_image";
    throw new AppError(code, { detail: found.reason });
  }
  const { mime, width, height, orientation } = found;
  const prepared = await deps.imageProcessor.prepare({ bytes, mime, width, height, orientation });
  if (!prepared.ok) throw new AppError("invalid_image", { detail: prepared.reason });
  return {
    mime,
    width: prepared.width,
    height: prepared.height,
    original: prepared.original,
    thumbnail: prepared.thumbnail,
    smallThumbnail: prepared.smallThumbnail,
  };
}
