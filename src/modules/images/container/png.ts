import { concat, hasText, readText, textBytes, u32be } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { animated, damaged, MAX_PARTS, type Malformed, malformed, tooManyParts, truncated } from "./malformed.ts";

export const PNG_SIGNATURE = textBytes("\x89PNG\r\n\x1a\n");
const ANIMATION_CHUNKS = new Set(["acTL", "fcTL", "fdAT"]);
const CRITICAL_CHUNKS = new Set(["IHDR", "PLTE", "IDAT", "IEND"]);
/** Bit depths that a colour type may have (PNG §11.2.2). */
const BIT_DEPTHS = new Map<number, readonly number[]>([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);
const CHANNELS = new Map([
  [0, 1],
  [2, 3],
  [3, 1],
  [4, 2],
  [6, 4],
]);
/** Deflate packs at most 258 bytes into two bits. */
const DEFLATE_MAX_RATIO = 1032;

/** A chunk from its length at `start` to the end of its CRC; `intact` when the CRC is right. */
export interface PngPart {
  readonly type: string;
  readonly start: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly end: number;
  readonly intact: boolean;
}

/** A PNG from its signature to IEND; `end` is the offset after it. */
export interface PngLayout {
  readonly ok: true;
  readonly mime: "image/png";
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  readonly parts: readonly PngPart[];
  readonly end: number;
}

/** Reads a whole PNG at the start of `bytes`; what follows its IEND is the caller's to judge. */
export function parsePng(bytes: Uint8Array): PngLayout | Malformed {
  if (!hasText(bytes, 0, readText(PNG_SIGNATURE, 0, 8))) return damaged();
  const parts: PngPart[] = [];
  let at = PNG_SIGNATURE.length;
  while (parts.at(-1)?.type !== "IEND") {
    if (parts.length === MAX_PARTS) return tooManyParts();
    const part = readPart(bytes, at);
    if (!part.ok) return part;
    parts.push(part.part);
    at = part.part.end;
  }
  const header = readHeader(bytes, parts[0]);
  if (!header.ok) return header;
  const problem = checkParts(bytes, header, parts);
  if (problem) return problem;
  const hasAlpha = (header.colourType & 4) !== 0 || parts.some(({ type, intact }) => type === "tRNS" && intact);
  return { ok: true, mime: "image/png", width: header.width, height: header.height, hasAlpha, parts, end: at };
}

/** A chunk with its length and CRC; `type` is four ASCII letters. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const chunk = concat([new Uint8Array(4), textBytes(type), data, new Uint8Array(4)]);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  view.setUint32(data.length + 8, crc32(chunk, 4, data.length + 8));
  return chunk;
}

function readPart(bytes: Uint8Array, start: number): { readonly ok: true; readonly part: PngPart } | Malformed {
  const dataStart = start + 8;
  if (dataStart > bytes.length) return truncated();
  const type = readText(bytes, start + 4, dataStart);
  if (!/^[A-Za-z]{4}$/.test(type)) return damaged();
  if (ANIMATION_CHUNKS.has(type)) return animated();
  const dataEnd = dataStart + u32be(bytes, start);
  const end = dataEnd + 4;
  if (end > bytes.length) return truncated();
  const intact = crc32(bytes, start + 4, dataEnd) === u32be(bytes, dataEnd);
  const isCritical = /^[A-Z]/.test(type);
  if (isCritical && (!intact || !CRITICAL_CHUNKS.has(type))) return damaged();
  return { ok: true, part: { type, start, dataStart, dataEnd, end, intact } };
}

interface Header {
  readonly ok: true;
  readonly width: number;
  readonly height: number;
  readonly colourType: number;
  readonly bitsPerPixel: number;
}

function readHeader(bytes: Uint8Array, part: PngPart | undefined): Header | Malformed {
  if (part?.type !== "IHDR" || part.dataEnd - part.dataStart !== 13) return damaged();
  const at = part.dataStart;
  const [width, height] = [u32be(bytes, at), u32be(bytes, at + 4)];
  const [bitDepth = 0, colourType = 0, compression, filter, interlace = 0] = bytes.subarray(at + 8, at + 13);
  if (width === 0 || height === 0) return malformed("The picture does not state its width and height.");
  if (!BIT_DEPTHS.get(colourType)?.includes(bitDepth)) return damaged();
  if (compression !== 0 || filter !== 0 || interlace > 1) return damaged();
  return { ok: true, width, height, colourType, bitsPerPixel: bitDepth * (CHANNELS.get(colourType) ?? 0) };
}

function checkParts(bytes: Uint8Array, header: Header, parts: readonly PngPart[]): Malformed | null {
  const places = (type: string) => parts.flatMap((part, index) => (part.type === type ? [index] : []));
  const [data, palettes] = [places("IDAT"), places("PLTE")];
  const [firstData, lastData] = [data[0], data.at(-1)];
  if (firstData === undefined || lastData === undefined) return malformed("The picture is empty.");
  if (lastData - firstData + 1 !== data.length || places("IHDR").length !== 1) return damaged();
  if (!checkPalette(header, parts, palettes, firstData)) return damaged();
  const end = parts.at(-1);
  if (end && end.dataEnd !== end.dataStart) return damaged();
  return checkData(
    bytes,
    header,
    data.flatMap((index) => parts[index] ?? []),
  );
}

/** One PLTE before the data for indexed colour, none for grey, at most one otherwise (PNG §11.2.3). */
function checkPalette(header: Header, parts: readonly PngPart[], palettes: readonly number[], firstData: number) {
  const first = palettes[0];
  if (first === undefined) return header.colourType !== 3;
  const palette = parts[first];
  if (palettes.length > 1 || first > firstData || !palette || (header.colourType & 2) === 0) return false;
  const length = palette.dataEnd - palette.dataStart;
  return length > 0 && length <= 768 && length % 3 === 0;
}

/** The data must open with a zlib header (RFC 1950) and be long enough to inflate to all rows. */
function checkData(bytes: Uint8Array, header: Header, data: readonly PngPart[]): Malformed | null {
  const length = data.reduce((sum, part) => sum + part.dataEnd - part.dataStart, 0);
  const opening: number[] = [];
  for (const { dataStart, dataEnd } of data) {
    if (opening.length < 2) opening.push(...bytes.subarray(dataStart, Math.min(dataEnd, dataStart + 2)));
  }
  const [method = 0, flags = 0] = opening;
  if (length === 0) return malformed("The picture is empty.");
  if ((method & 15) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0 || (flags & 32) !== 0)
    return damaged();
  const inflated = Math.ceil((header.width * header.bitsPerPixel) / 8) * header.height;
  return length * DEFLATE_MAX_RATIO < inflated ? truncated() : null;
}
