import type { ImageMime } from "../../src/ports/image-codec.ts";

/** A marker segment or chunk: its name (`APP1`, `eXIf`, `VP8X`…) and payload. */
export interface NamedPart {
  readonly name: string;
  readonly data: Uint8Array;
}

/** The parts of a well-formed picture, read independently of the code under test; throws where the file is not sound. */
export function picturePartsOf(bytes: Uint8Array, mime: ImageMime): NamedPart[] {
  if (mime === "image/jpeg") return jpegParts(bytes);
  return mime === "image/png" ? pngParts(bytes) : webpParts(bytes);
}

/** The names of {@link picturePartsOf}. */
export function partNamesOf(bytes: Uint8Array, mime: ImageMime): string[] {
  return picturePartsOf(bytes, mime).map(({ name }) => name);
}

function jpegParts(bytes: Uint8Array): NamedPart[] {
  const view = viewOf(bytes);
  const parts: NamedPart[] = [];
  let at = 2;
  while (view.getUint16(at) !== 0xffd9) {
    const marker = view.getUint16(at) - 0xff00;
    const end = at + 2 + view.getUint16(at + 2);
    if (marker < 0xc0) throw new Error(`no marker at ${at}`);
    const name = marker >= 0xe0 && marker <= 0xef ? `APP${marker - 0xe0}` : (MARKERS[marker] ?? marker.toString(16));
    parts.push({ name, data: bytes.subarray(at + 4, end) });
    at = end;
    if (marker !== 0xda) continue;
    while (bytes[at] !== 0xff || !isMarker(bytes[at + 1] ?? 0)) at += 1;
  }
  if (at + 2 !== bytes.length) throw new Error("data behind EOI");
  return parts;
}

/** Whether the byte after 0xFF ends entropy-coded data: it is no stuffing, no fill and no restart marker. */
function isMarker(byte: number): boolean {
  return byte !== 0 && byte !== 0xff && (byte & 0xf8) !== 0xd0;
}

const MARKERS: Readonly<Record<number, string>> = {
  192: "SOF0",
  194: "SOF2",
  196: "DHT",
  218: "SOS",
  219: "DQT",
  254: "COM",
};

function pngParts(bytes: Uint8Array): NamedPart[] {
  const view = viewOf(bytes);
  const parts: NamedPart[] = [];
  for (let at = 8; at < bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    parts.push({ name: nameAt(bytes, at + 4), data: bytes.subarray(at + 8, end) });
    at = end + 4;
    if (at > bytes.length) throw new Error("a chunk overruns");
  }
  return parts;
}

function webpParts(bytes: Uint8Array): NamedPart[] {
  const view = viewOf(bytes);
  if (view.getUint32(4, true) + 8 !== bytes.length) throw new Error("wrong RIFF size");
  const parts: NamedPart[] = [];
  for (let at = 12; at < bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    parts.push({ name: nameAt(bytes, at).trim(), data: bytes.subarray(at + 8, at + 8 + size) });
    at += 8 + size + (size & 1);
    if (at > bytes.length) throw new Error("a chunk overruns");
  }
  return parts;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function nameAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
