import { hasText, textBytes, u16be } from "./bytes.ts";
import { damaged, MAX_PARTS, type Malformed, malformed, tooManyParts, truncated } from "./malformed.ts";

export const APP0 = 0xe0;
export const APP1 = 0xe1;
export const APP2 = 0xe2;
export const APP14 = 0xee;
export const APP15 = 0xef;
export const COM = 0xfe;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
/** Each scan of a progressive picture costs a pass over all of its pixels; encoders write about ten. */
const MAX_SCANS = 100;

/** A marker segment: marker at `start`, payload `dataStart`–`dataEnd`; `end` includes a scan's entropy-coded data. */
export interface JpegPart {
  readonly marker: number;
  readonly start: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly end: number;
}

/** A JPEG from SOI to EOI: `parts` are the segments between them, `end` is the offset after EOI. */
export interface JpegLayout {
  readonly ok: true;
  readonly mime: "image/jpeg";
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: false;
  readonly parts: readonly JpegPart[];
  readonly end: number;
}

interface JpegWalk {
  readonly ok: true;
  readonly parts: readonly JpegPart[];
  readonly end: number;
}

/** Reads a whole JPEG at the start of `bytes`; what follows its EOI is the caller's to judge. */
export function parseJpeg(bytes: Uint8Array): JpegLayout | Malformed {
  if (!isJpeg(bytes)) return damaged();
  const walk = walkJpeg(bytes, 0);
  if (!walk.ok) return walk;
  const frame = readFrame(bytes, walk.parts);
  if (!frame.ok) return frame;
  const { width, height } = frame;
  return { ok: true, mime: "image/jpeg", width, height, hasAlpha: false, parts: walk.parts, end: walk.end };
}

/** Whether SOI and the beginning of another marker stand at offset `at`. */
export function isJpeg(bytes: Uint8Array, at = 0): boolean {
  return hasText(bytes, at, "\xff\xd8\xff");
}

/** Follows the markers from the SOI at `start` to EOI without judging the coding; linear in the bytes covered. */
export function walkJpeg(bytes: Uint8Array, start: number): JpegWalk | Malformed {
  const parts: JpegPart[] = [];
  let at = start + 2;
  while (parts.length < MAX_PARTS) {
    const fill = at;
    while (bytes[at] === 0xff) at += 1;
    const marker = bytes[at];
    if (marker === undefined) return truncated();
    if (at === fill) return damaged();
    at += 1;
    if (marker === EOI) {
      return parts.some((part) => part.marker === SOS)
        ? { ok: true, parts, end: at }
        : malformed("The picture is empty.");
    }
    if (!hasLength(marker)) return damaged();
    const part = readPart(bytes, marker, at);
    if (!part) return truncated();
    if (part.dataEnd < part.dataStart) return damaged();
    parts.push(part);
    at = part.end;
  }
  return tooManyParts();
}

/** Whether the payload of `part` begins with the Latin-1 `text`. */
export function partHasText(bytes: Uint8Array, part: JpegPart, text: string): boolean {
  return part.dataEnd - part.dataStart >= text.length && hasText(bytes, part.dataStart, text);
}

/** The parts that come before the first scan: decoders look for metadata only there. */
export function jpegHeader(layout: JpegLayout): readonly JpegPart[] {
  return layout.parts.slice(
    0,
    layout.parts.findIndex((part) => part.marker === SOS),
  );
}

/** A marker segment. `payload` is at most 65,533 bytes. */
export function jpegSegment(marker: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const segment = new Uint8Array(payload.length + 4);
  const length = payload.length + 2;
  segment.set([0xff, marker, length >> 8, length & 0xff]);
  segment.set(payload, 4);
  return segment;
}

/** The SOI and EOI markers. */
export const JPEG_START = textBytes("\xff\xd8");
export const JPEG_END = textBytes("\xff\xd9");

function hasLength(marker: number): boolean {
  return marker >= 0xc0 && !isRestart(marker) && marker !== SOI;
}

function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd7;
}

function readPart(bytes: Uint8Array, marker: number, at: number): JpegPart | null {
  const dataEnd = at + u16be(bytes, at);
  if (at + 2 > bytes.length || dataEnd > bytes.length) return null;
  const end = marker === SOS ? skipEntropyCoded(bytes, dataEnd) : dataEnd;
  return { marker, start: at - 2, dataStart: at + 2, dataEnd, end };
}

/** In entropy-coded data a 0xFF byte is stuffed with 0x00; only restart markers may interrupt it. */
function skipEntropyCoded(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length) {
    if (bytes[at] !== 0xff) {
      at += 1;
      continue;
    }
    const next = bytes[at + 1];
    if (next === undefined || (next !== 0 && !isRestart(next))) return at;
    at += 2;
  }
  return at;
}

interface Frame {
  readonly ok: true;
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly components: readonly Component[];
}

interface Component {
  readonly id: number;
  /** Sampling factors relative to those of the other components. */
  readonly across: number;
  readonly down: number;
}

function readFrame(bytes: Uint8Array, parts: readonly JpegPart[]): Frame | Malformed {
  let frame: Frame | null = null;
  const scans: JpegPart[] = [];
  for (const part of parts) {
    if (isOtherCoding(part.marker)) {
      return malformed(
        "Only baseline and progressive JPEG are accepted, not arithmetic, lossless or hierarchical coding.",
      );
    }
    if (isFrameHeader(part.marker)) {
      if (frame) return damaged();
      const read = readFrameHeader(bytes, part);
      if (!read.ok) return read;
      frame = read;
    } else if (part.marker === SOS) {
      if (!frame) return damaged();
      scans.push(part);
    }
  }
  if (!frame) return damaged();
  return checkScans(bytes, frame, scans) ?? frame;
}

/** SOF0 to SOF2: Huffman-coded baseline, extended sequential and progressive. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xc2;
}

/** The other SOFs, DAC, JPG, DHP and EXP, JPEG-LS, and DNL, which would set the height only after the first scan. */
function isOtherCoding(marker: number): boolean {
  if (marker >= 0xc3 && marker <= 0xcf) return marker !== 0xc4;
  return marker === 0xdc || marker === 0xde || marker === 0xdf || (marker >= 0xf0 && marker <= 0xfd);
}

function readFrameHeader(bytes: Uint8Array, part: JpegPart): Frame | Malformed {
  const at = part.dataStart;
  const count = bytes[at + 5] ?? 0;
  if (part.dataEnd - at < 6 || part.dataEnd - at !== 6 + 3 * count) return damaged();
  const height = u16be(bytes, at + 1);
  const width = u16be(bytes, at + 3);
  if (width === 0 || height === 0) return malformed("The picture does not state its width and height.");
  if (bytes[at] !== 8) return malformed("Only JPEG with 8 bits a channel is accepted.");
  if (count === 4) return malformed("CMYK pictures are not accepted; save it as RGB.");
  if (count !== 1 && count !== 3) return damaged();
  const components: Component[] = [];
  for (let i = 0; i < count; i += 1) {
    const sampling = bytes[at + 7 + 3 * i] ?? 0;
    const [across, down] = [sampling >> 4, sampling & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4) return damaged();
    components.push({ id: bytes[at + 6 + 3 * i] ?? 0, across, down });
  }
  return { ok: true, width, height, progressive: part.marker === 0xc2, components };
}

/** Finds pictures that were cut and closed again: a component without a scan, or less data than any coding can reach. */
function checkScans(bytes: Uint8Array, frame: Frame, scans: readonly JpegPart[]): Malformed | null {
  if (scans.length > MAX_SCANS) return malformed("The picture has too many scans.");
  const known = new Set(frame.components.map(({ id }) => id));
  const missing = new Set(known);
  let codedBytes = 0;
  for (const { dataStart: at, dataEnd, end } of scans) {
    const count = bytes[at] ?? 0;
    if (dataEnd - at < 1 || count < 1 || count > 4 || dataEnd - at !== 4 + 2 * count) return damaged();
    // In a progressive picture the first scan of coarse (DC) values: spectral start 0, not refining earlier bits.
    const [spectralStart, , approximation = 0] = bytes.subarray(dataEnd - 3, dataEnd);
    const isFirst = !frame.progressive || (spectralStart === 0 && approximation >> 4 === 0);
    for (let i = 0; i < count; i += 1) {
      const id = bytes[at + 1 + 2 * i] ?? 0;
      if (!known.has(id)) return damaged();
      if (isFirst) missing.delete(id);
    }
    if (end === dataEnd) return truncated();
    codedBytes += end - dataEnd;
  }
  return missing.size > 0 || codedBytes < leastBytes(frame) ? truncated() : null;
}

/** A block takes at least one bit for its DC and, where a scan is sequential, one more for its end. */
function leastBytes({ width, height, progressive, components }: Frame): number {
  const mostAcross = Math.max(...components.map(({ across }) => across));
  const mostDown = Math.max(...components.map(({ down }) => down));
  let blocks = 0;
  for (const { across, down } of components) {
    blocks += Math.ceil((width * across) / mostAcross / 8) * Math.ceil((height * down) / mostDown / 8);
  }
  return (blocks * (progressive ? 1 : 2)) / 8;
}
