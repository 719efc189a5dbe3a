import type { ImageMime } from "./image-codec.ts";

export interface PrepareRequest {
  /** The whole upload, already inspected: well-formed container, dimensions within the limits, still with metadata. */
  readonly bytes: Uint8Array;
  readonly mime: ImageMime;
  /** Stored dimensions, before orientation. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation, 1–8. */
  readonly orientation: number;
}

/** An upload ready to store: upright, without metadata, in its own format, with thumbnails. */
export type PreparedImage =
  | {
      readonly ok: true;
      readonly original: Uint8Array<ArrayBuffer>;
      readonly width: number;
      readonly height: number;
      /** WebP, at most 512 px a side. */
      readonly thumbnail: Uint8Array<ArrayBuffer>;
      /** WebP, at most 256 px a side. */
      readonly smallThumbnail: Uint8Array<ArrayBuffer>;
    }
  | { readonly ok: false; readonly reason: string };

/** Decodes pictures away from the api's isolates. */
export interface ImageProcessor {
  /** `ok: false` when the pixels can't be decoded; `reason` is a sentence for the user. */
  prepare(request: PrepareRequest): Promise<PreparedImage>;
}
