import { concat, hasText, readText, textBytes, u16le, u24le, u32le } from "./bytes.ts";
import { animated, damaged, MAX_PARTS, type Malformed, malformed, tooManyParts, truncated } from "./malformed.ts";

/** Feature flags of VP8X. */
const ICC = 0x20;
const ALPHA = 0x10;
const EXIF = 0x08;
const XMP = 0x04;
const ANIMATION = 0x02;

/** A chunk's payload. */
export interface WebpPart {
  readonly type: string;
  readonly dataStart: number;
  readonly dataEnd: number;
}

/**
 * A WebP: `image` is its VP8 or VP8L chunk, `alpha` the ALPH chunk that belongs to it.
 * `flags` are those of VP8X, null in a file without one; decoders heed ICCP, EXIF and XMP chunks only when flagged.
 * `end` is where the RIFF chunk says that it ends.
 */
export interface WebpLayout {
  readonly ok: true;
  readonly mime: "image/webp";
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  readonly flags: number | null;
  readonly image: WebpPart;
  readonly alpha: WebpPart | null;
  readonly icc: WebpPart | null;
  readonly exif: WebpPart | null;
  readonly end: number;
}

/** Reads a whole WebP at the start of `bytes`; what follows the RIFF chunk is the caller's to judge. */
export function parseWebp(bytes: Uint8Array): WebpLayout | Malformed {
  if (!hasText(bytes, 0, "RIFF") || !hasText(bytes, 8, "WEBP")) return damaged();
  const riffEnd = 8 + u32le(bytes, 4);
  if (riffEnd > bytes.length) return truncated();
  const walk = walkChunks(bytes, riffEnd);
  if (!walk.ok) return walk;
  const { parts } = walk;
  const images = parts.filter(({ type }) => type === "VP8 " || type === "VP8L");
  const image = images[0];
  if (!image) return malformed("The picture is empty.");
  if (images.length > 1) return damaged();
  const bitstream = image.type === "VP8L" ? readLossless(bytes, image) : readLossy(bytes, image);
  if (!bitstream.ok) return bitstream;
  const flags = readFlags(bytes, parts, bitstream);
  if (typeof flags === "object" && flags !== null) return flags;
  const find = (type: string) => (flags === null ? null : (parts.find((part) => part.type === type) ?? null));
  const flagged = (flag: number, type: string) => (((flags ?? 0) & flag) !== 0 ? find(type) : null);
  const alpha = image.type === "VP8 " ? find("ALPH") : null;
  const ownAlpha = alpha && alpha.dataStart < image.dataStart ? alpha : null;
  const { width, height } = bitstream;
  const hasAlpha = bitstream.hasAlpha || ownAlpha !== null;
  const found = { image, alpha: ownAlpha, icc: flagged(ICC, "ICCP"), exif: flagged(EXIF, "EXIF") };
  return { ok: true, mime: "image/webp", width, height, hasAlpha, flags, ...found, end: riffEnd };
}

/**
 * Writes the picture of `layout` again with nothing else but its colour profile and the given metadata.
 * A file without VP8X gets one when there is metadata to announce.
 */
export function writeWebp(
  bytes: Uint8Array,
  layout: WebpLayout,
  metadata: { readonly exif?: Uint8Array; readonly xmp?: Uint8Array } = {},
): Uint8Array<ArrayBuffer> {
  const { exif, xmp } = metadata;
  const copy = (part: WebpPart | null) =>
    part ? [webpChunk(part.type, bytes.subarray(part.dataStart, part.dataEnd))] : [];
  const chunks = [...copy(layout.icc), ...copy(layout.alpha), ...copy(layout.image)];
  if (exif) chunks.push(webpChunk("EXIF", exif));
  if (xmp) chunks.push(webpChunk("XMP ", xmp));
  if (layout.flags !== null || exif || xmp) {
    const alpha = layout.flags === null ? (layout.hasAlpha ? ALPHA : 0) : layout.flags & ALPHA;
    chunks.unshift(extendedHeader(layout, alpha | (layout.icc ? ICC : 0) | (exif ? EXIF : 0) | (xmp ? XMP : 0)));
  }
  return webpFile(chunks);
}

/** A chunk with its size, padded to even length; `type` is four Latin-1 characters. */
function webpChunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, data.length, true);
  return concat([textBytes(type), size, data, new Uint8Array(data.length & 1)]);
}

function webpFile(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const file = concat([textBytes("RIFF\0\0\0\0WEBP"), ...chunks]);
  new DataView(file.buffer).setUint32(4, file.length - 8, true);
  return file;
}

function extendedHeader({ width, height }: WebpLayout, flags: number): Uint8Array<ArrayBuffer> {
  const [w, h] = [width - 1, height - 1];
  return webpChunk(
    "VP8X",
    Uint8Array.of(flags, 0, 0, 0, w & 0xff, (w >> 8) & 0xff, w >> 16, h & 0xff, (h >> 8) & 0xff, h >> 16),
  );
}

function walkChunks(bytes: Uint8Array, end: number): { readonly ok: true; readonly parts: WebpPart[] } | Malformed {
  const parts: WebpPart[] = [];
  let at = 12;
  while (at < end) {
    if (parts.length === MAX_PARTS) return tooManyParts();
    const dataStart = at + 8;
    const dataEnd = dataStart + u32le(bytes, at + 4);
    if (dataEnd > end) return truncated();
    const type = readText(bytes, at, at + 4);
    if (type === "ANIM" || type === "ANMF") return animated();
    parts.push({ type, dataStart, dataEnd });
    // Some encoders leave out the last chunk's padding byte; their RIFF size then agrees.
    at = dataEnd + (dataEnd & 1);
  }
  return { ok: true, parts };
}

interface Bitstream {
  readonly ok: true;
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
}

/** A VP8 key frame's header (RFC 6386 §9.1). */
function readLossy(bytes: Uint8Array, { dataStart: at, dataEnd }: WebpPart): Bitstream | Malformed {
  if (dataEnd - at < 10) return truncated();
  const tag = u24le(bytes, at);
  const isShownKeyFrame = (tag & 1) === 0 && ((tag >> 1) & 7) <= 3 && ((tag >> 4) & 1) === 1;
  if (!isShownKeyFrame || !hasText(bytes, at + 3, "\x9d\x01\x2a")) return damaged();
  if (tag >> 5 > dataEnd - at - 10) return truncated();
  const [width, height] = [u16le(bytes, at + 6) & 0x3fff, u16le(bytes, at + 8) & 0x3fff];
  if (width === 0 || height === 0) return malformed("The picture does not state its width and height.");
  return { ok: true, width, height, hasAlpha: false };
}

/** A VP8L header: signature byte, 14 bits each of width − 1 and height − 1, alpha bit, three zero version bits. */
function readLossless(bytes: Uint8Array, { dataStart: at, dataEnd }: WebpPart): Bitstream | Malformed {
  if (dataEnd - at < 6) return truncated();
  const bits = u32le(bytes, at + 1);
  if (bytes[at] !== 0x2f || bits >>> 29 !== 0) return damaged();
  return {
    ok: true,
    width: (bits & 0x3fff) + 1,
    height: ((bits >>> 14) & 0x3fff) + 1,
    hasAlpha: ((bits >>> 28) & 1) === 1,
  };
}

/** The flags of a leading VP8X whose canvas agrees with the bitstream; null when the file simply starts with the image. */
function readFlags(bytes: Uint8Array, parts: readonly WebpPart[], size: Bitstream): number | null | Malformed {
  const first = parts[0];
  if (first?.type === "VP8 " || first?.type === "VP8L") return null;
  if (first?.type !== "VP8X" || first.dataEnd - first.dataStart < 10) return damaged();
  const at = first.dataStart;
  const flags = bytes[at] ?? 0;
  if ((flags & ANIMATION) !== 0) return animated();
  const agrees = u24le(bytes, at + 4) + 1 === size.width && u24le(bytes, at + 7) + 1 === size.height;
  return agrees ? flags : malformed("The picture states two different sizes.");
}
