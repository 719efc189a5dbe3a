import { hasText, u32be, u32le } from "./bytes.ts";
import { isJpeg, walkJpeg } from "./jpeg.ts";

/**
 * Whether what follows a picture's EOI at `start` is something cameras and phones append, to its last byte:
 * padding, further JPEGs (MPF previews, depth and Ultra HDR gain maps), the MP4 of a motion photo, Samsung's SEF trailer.
 */
export function isKnownJpegTrailer(bytes: Uint8Array, start: number): boolean {
  const end = samsungTrailerStart(bytes) ?? bytes.length;
  if (end < start) return false;
  const body = bytes.subarray(0, end);
  let at = start;
  while (at < end) {
    const next = skipOne(body, at);
    if (next === null) return false;
    at = next;
  }
  return true;
}

/** The offset after the picture, film or padding byte at `at`; null when it is none of them. */
function skipOne(bytes: Uint8Array, at: number): number | null {
  if (isJpeg(bytes, at)) {
    const walk = walkJpeg(bytes, at);
    return walk.ok ? walk.end : null;
  }
  if (hasText(bytes, at + 4, "ftyp")) return skipFilm(bytes, at);
  return isPadding(bytes[at]) ? skipPaddingRun(bytes, at) : null;
}

/** Stops before what could be the SOI of a picture or, four bytes ahead, the type of an `ftyp` box. */
function skipPaddingRun(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (isPadding(bytes[at]) && bytes[at + 1] !== 0xd8 && bytes[at + 4] !== 0x66) at += 1;
  return at;
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0x00 || byte === 0xff;
}

/** Walks the boxes of an ISO base media file (ISO/IEC 14496-12 §4.2); null when they overrun or hold no `moov`. */
function skipFilm(bytes: Uint8Array, start: number): number | null {
  let at = start;
  let hasMovie = false;
  while (at + 8 <= bytes.length && isBoxType(bytes, at + 4)) {
    const size = boxSize(bytes, at);
    if (size < 8 || size > bytes.length - at) return null;
    hasMovie ||= hasText(bytes, at + 4, "moov");
    at += size;
  }
  return hasMovie ? at : null;
}

function boxSize(bytes: Uint8Array, at: number): number {
  const size = u32be(bytes, at);
  if (size === 0) return bytes.length - at;
  return size === 1 ? u32be(bytes, at + 8) * 0x1_0000_0000 + u32be(bytes, at + 12) : size;
}

function isBoxType(bytes: Uint8Array, at: number): boolean {
  return bytes.subarray(at, at + 4).every((byte) => byte >= 0x20 && byte < 0x7f);
}

/**
 * Where Samsung's SEF trailer begins, when the file ends with one: data blocks, then `SEFH`, version, count and one
 * entry a block (type, distance back from `SEFH`, size), then the directory's length and `SEFT`, as ExifTool reads it.
 */
function samsungTrailerStart(bytes: Uint8Array): number | null {
  const foot = bytes.length - 8;
  if (foot < 12 || !hasText(bytes, foot + 4, "SEFT")) return null;
  const head = foot - u32le(bytes, foot);
  if (head < 0 || !hasText(bytes, head, "SEFH")) return null;
  const count = u32le(bytes, head + 8);
  if (12 + 12 * count > foot - head) return null;
  let start = head;
  for (let entry = head + 12; entry < head + 12 + 12 * count; entry += 12) {
    const distance = u32le(bytes, entry + 4);
    const size = u32le(bytes, entry + 8);
    if (distance > head || size > distance) return null;
    start = Math.min(start, head - distance);
  }
  return start;
}
