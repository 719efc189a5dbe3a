import type { ImageMime } from "../../../ports/image-codec.ts";
import { type JpegLayout, parseJpeg } from "./jpeg.ts";
import type { Malformed } from "./malformed.ts";
import { type PngLayout, parsePng } from "./png.ts";
import { parseWebp, type WebpLayout } from "./webp.ts";

/** Where everything stands in a picture's file. */
export type Layout = JpegLayout | PngLayout | WebpLayout;

/** Reads the container of a picture of type `mime`; never throws, linear in `bytes`. */
export function parseLayout(bytes: Uint8Array, mime: ImageMime): Layout | Malformed {
  if (mime === "image/jpeg") return parseJpeg(bytes);
  return mime === "image/png" ? parsePng(bytes) : parseWebp(bytes);
}
