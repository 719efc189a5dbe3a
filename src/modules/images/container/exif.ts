import { concat, hasText, textBytes, u16be, u16le, u32be, u32le } from "./bytes.ts";
import { APP1, jpegHeader, partHasText } from "./jpeg.ts";
import type { Layout } from "./layout.ts";

/** How a stored picture is to be turned, as TIFF tag 0x0112 counts it: 1 is upright; 5 to 8 swap width and height. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
/** What precedes the TIFF block in a JPEG segment and, by some writers, in PNG and WebP chunks. */
const EXIF_PREFIX = "Exif\0\0";

/** The Orientation in a picture's EXIF; 1 when there is none or it is damaged. */
export function readOrientation(bytes: Uint8Array, layout: Layout): Orientation {
  const part = exifPart(bytes, layout);
  return part ? tiffOrientation(bytes.subarray(part.dataStart, part.dataEnd)) : 1;
}

/** The Orientation in IFD0 of a TIFF block with or without the `Exif` prefix; 1 for anything absent or damaged. */
export function tiffOrientation(block: Uint8Array): Orientation {
  const tiff = hasText(block, 0, EXIF_PREFIX) ? block.subarray(EXIF_PREFIX.length) : block;
  const little = hasText(tiff, 0, "II*\0");
  if (!little && !hasText(tiff, 0, "MM\0*")) return 1;
  const [u16, u32] = little ? [u16le, u32le] : [u16be, u32be];
  const ifd = u32(tiff, 4);
  // Later IFDs describe thumbnails, so links between IFDs are never followed and cannot loop.
  for (let index = 0; index < u16(tiff, ifd); index += 1) {
    const entry = ifd + 2 + 12 * index;
    if (entry + 12 > tiff.length) return 1;
    if (u16(tiff, entry) !== ORIENTATION_TAG) continue;
    // As browsers do: a value of another type or count is ignored.
    if (u16(tiff, entry + 2) !== SHORT || u32(tiff, entry + 4) !== 1) return 1;
    const value = u16(tiff, entry + 8);
    return isOrientation(value) ? value : 1;
  }
  return 1;
}

/** The smallest TIFF block that states `orientation` and nothing else: 26 bytes. */
export function orientationTiff(orientation: Orientation): Uint8Array<ArrayBuffer> {
  const tiff = concat([textBytes("MM\0*"), new Uint8Array(22)]);
  const view = new DataView(tiff.buffer);
  view.setUint32(4, 8);
  view.setUint16(8, 1);
  view.setUint16(10, ORIENTATION_TAG);
  view.setUint16(12, SHORT);
  view.setUint32(14, 1);
  view.setUint16(18, orientation);
  return tiff;
}

/** The payload of a JPEG APP1 segment holding a TIFF block. */
export function exifSegmentPayload(tiff: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat([textBytes(EXIF_PREFIX), tiff]);
}

export function isOrientation(value: number): value is Orientation {
  return Number.isInteger(value) && value >= 1 && value <= 8;
}

/** The first EXIF block where decoders look for it. */
function exifPart(bytes: Uint8Array, layout: Layout) {
  if (layout.mime === "image/webp") return layout.exif;
  if (layout.mime === "image/png") return layout.parts.find(({ type, intact }) => type === "eXIf" && intact);
  return jpegHeader(layout).find((part) => part.marker === APP1 && partHasText(bytes, part, EXIF_PREFIX));
}
