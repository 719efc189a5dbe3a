import type { ImageMime } from "../../../ports/image-codec.ts";
import { skipPadding } from "./bytes.ts";
import { type Orientation, readOrientation } from "./exif.ts";
import { isKnownJpegTrailer } from "./jpeg-trailer.ts";
import { type Layout, parseLayout } from "./layout.ts";
import { describeUnsupported, sniffMime } from "./sniff.ts";

/** The shortest side accepted, in px. */
export const MIN_SIDE_PX = 64;
/** The longest side accepted, in px. */
export const MAX_SIDE_PX = 8192;
/** The most pixels accepted: 25 megapixels of one million, inclusive. */
export const MAX_PIXELS = 25_000_000;

/** What a file says about its picture before any decoding. */
export interface InspectedImage {
  readonly ok: true;
  readonly mime: ImageMime;
  /** Size in px as stored, before orientation. */
  readonly width: number;
  readonly height: number;
  /** Size in px as seen, after orientation. */
  readonly uprightWidth: number;
  readonly uprightHeight: number;
  readonly orientation: Orientation;
  /** Whether the file can hold transparent pixels. */
  readonly hasAlpha: boolean;
}

/** `unsupported`: not one of the three types. `invalid`: of a type, but truncated, animated, polyglot or out of limits. */
export interface RefusedImage {
  readonly ok: false;
  readonly error: "unsupported" | "invalid";
  /** A sentence for the person who sent the file. */
  readonly reason: string;
}

export type Inspection = InspectedImage | RefusedImage;

/**
 * Tells what picture `bytes` are, by their content alone, from headers alone: no pixel is decoded.
 *
 * Checks the whole container: every marker, chunk and size to the last byte. Never throws; linear in `bytes`.
 * The file's size in bytes is the caller's to limit.
 */
export function inspectImage(bytes: Uint8Array): Inspection {
  const mime = sniffMime(bytes);
  if (!mime) return { ok: false, error: "unsupported", reason: describeUnsupported(bytes) };
  const layout = parseLayout(bytes, mime);
  if (!layout.ok) return invalid(layout.reason);
  if (!endsCleanly(bytes, layout)) return invalid("The picture is followed by data that does not belong to it.");
  const { width, height, hasAlpha } = layout;
  const excess = checkLimits(width, height);
  if (excess) return invalid(excess);
  const orientation = readOrientation(bytes, layout);
  const [uprightWidth, uprightHeight] = orientation >= 5 ? [height, width] : [width, height];
  return { ok: true, mime, width, height, uprightWidth, uprightHeight, orientation, hasAlpha };
}

function invalid(reason: string): RefusedImage {
  return { ok: false, error: "invalid", reason };
}

/** Data behind a picture makes it a polyglot, unless it is padding or, in JPEG, what phones append. */
function endsCleanly(bytes: Uint8Array, layout: Layout): boolean {
  if (layout.mime === "image/jpeg") return isKnownJpegTrailer(bytes, layout.end);
  return skipPadding(bytes, layout.end) === bytes.length;
}

function checkLimits(width: number, height: number): string | null {
  const size = `The picture is ${width} × ${height} px;`;
  if (Math.min(width, height) < MIN_SIDE_PX) return `${size} each side must be at least ${MIN_SIDE_PX} px.`;
  if (Math.max(width, height) > MAX_SIDE_PX) return `${size} each side must be at most ${MAX_SIDE_PX} px.`;
  return width * height > MAX_PIXELS ? `${size} at most ${MAX_PIXELS / 1_000_000} megapixels are accepted.` : null;
}
