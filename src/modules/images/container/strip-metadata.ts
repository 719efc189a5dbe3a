import type { ImageMime } from "../../../ports/image-codec.ts";
import { concat, textBytes } from "./bytes.ts";
import { exifSegmentPayload, isOrientation, type Orientation, orientationTiff } from "./exif.ts";
import {
  APP0,
  APP1,
  APP2,
  APP14,
  APP15,
  COM,
  JPEG_END,
  JPEG_START,
  type JpegLayout,
  type JpegPart,
  jpegHeader,
  jpegSegment,
  partHasText,
} from "./jpeg.ts";
import { parseLayout } from "./layout.ts";
import { PNG_SIGNATURE, type PngLayout, pngChunk } from "./png.ts";
import { writeWebp } from "./webp.ts";

/** Chunks that decide how the pixels look; all others describe the picture or are unknown. */
const KEPT_PNG_CHUNKS = new Set(
  "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs cICP mDCV cLLI".split(" "),
);

/**
 * Rewrites a picture without EXIF, XMP, IPTC, comments, thumbnails, unknown chunks and whatever follows its end.
 * Pixels are copied, not decoded; colour profiles stay. Stripping twice changes nothing more.
 *
 * `orientation` 2–8 adds EXIF with that one tag, for something else to turn the picture; other values add nothing.
 *
 * @returns a new array; an empty one when `bytes` is not a well-formed picture of type `mime`, so that nothing leaks.
 */
export function stripMetadata(
  bytes: Uint8Array,
  mime: ImageMime,
  options: { readonly orientation?: number } = {},
): Uint8Array<ArrayBuffer> {
  const layout = parseLayout(bytes, mime);
  if (!layout.ok) return new Uint8Array(0);
  const { orientation = 1 } = options;
  const turn = isOrientation(orientation) && orientation > 1 ? orientation : null;
  if (layout.mime === "image/jpeg") return stripJpeg(bytes, layout, turn);
  if (layout.mime === "image/png") return stripPng(bytes, layout, turn);
  return writeWebp(bytes, layout, turn ? { exif: orientationTiff(turn) } : {});
}

function stripJpeg(bytes: Uint8Array, layout: JpegLayout, turn: Orientation | null): Uint8Array<ArrayBuffer> {
  const jfif = jpegHeader(layout).find((part) => isJfif(bytes, part));
  const kept: Uint8Array[] = [JPEG_START];
  if (jfif) kept.push(jfifWithoutThumbnail(bytes, jfif));
  if (turn) kept.push(jpegSegment(APP1, exifSegmentPayload(orientationTiff(turn))));
  for (const part of layout.parts) {
    if (isPictureData(bytes, part)) kept.push(bytes.subarray(part.start, part.end));
  }
  kept.push(JPEG_END);
  return concat(kept);
}

/** Tables, frame and scans, Adobe's colour transform and colour profiles; MPF, the other APP2, lists further pictures. */
function isPictureData(bytes: Uint8Array, part: JpegPart): boolean {
  if (part.marker === APP2) return partHasText(bytes, part, "ICC_PROFILE\0");
  if (part.marker === APP14) return partHasText(bytes, part, "Adobe");
  return part.marker !== COM && (part.marker < APP0 || part.marker > APP15);
}

function isJfif(bytes: Uint8Array, part: JpegPart): boolean {
  return part.marker === APP0 && partHasText(bytes, part, "JFIF\0") && part.dataEnd - part.dataStart >= 14;
}

/** Version, unit and density, with a thumbnail of 0 × 0. */
function jfifWithoutThumbnail(bytes: Uint8Array, part: JpegPart): Uint8Array<ArrayBuffer> {
  const about = bytes.subarray(part.dataStart + 5, part.dataStart + 12);
  return jpegSegment(APP0, concat([textBytes("JFIF\0"), about, new Uint8Array(2)]));
}

function stripPng(bytes: Uint8Array, layout: PngLayout, turn: Orientation | null): Uint8Array<ArrayBuffer> {
  const kept: Uint8Array[] = [PNG_SIGNATURE];
  for (const part of layout.parts) {
    if (!part.intact || !KEPT_PNG_CHUNKS.has(part.type)) continue;
    kept.push(bytes.subarray(part.start, part.end));
    if (turn && part.type === "IHDR") kept.push(pngChunk("eXIf", orientationTiff(turn)));
  }
  return concat(kept);
}
