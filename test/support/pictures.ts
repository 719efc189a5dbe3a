import type { ImageMime } from "../../src/ports/image-codec.ts";
import { zlibZeros } from "./zlib-zeros.ts";

/** Pictures for tests, built from typed arrays alone so that they work in Node and in workerd. */
export type Bytes = Uint8Array<ArrayBuffer>;
/** Red, green, blue and perhaps alpha, 0–255. */
export type Pixel = readonly [number, number, number] | readonly [number, number, number, number];

/** 96×64, a colour in each quadrant: red and green above, blue and white below. Baseline, 4:4:4. */
export const QUADRANT_JPEG = fromBase64(
  "/9j/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCABAAGADAREAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAAAAgKCf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAZAQEAAwEBAAAAAAAAAAAAAAAABwkKBgj/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCdEGLUwAAAAFjISZjwAAAAEcptacAAAAAFjISZjwAAAAEcptacAAAAAFjISZjwAAAAEcptacAAAAAFjISZjwAAAAHLxoze5QAAAAGltVY7gAAAABmkWpuHAAAAAaW1VjuAAAAAGaRam4cAAAABpbVWO4AAAAAZpFqbhwAAAAGltVY7gAAAAB//2Q==",
);
/** The same picture, progressive, 4:2:0. */
export const PROGRESSIVE_JPEG = fromBase64(
  "/9j/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCABAAGADASIAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAAAAcJCP/EABkBAQADAQEAAAAAAAAAAAAAAAAGCAkFB//aAAwDAQACEAMQAAABnIgtqQALGITmOABHBNtOAALGITmOABy8NGfcwANLRVbuAAZpC1PDAA0tFVu4AB//xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAEFAkH/xAAUEQEAAAAAAAAAAAAAAAAAAABA/9oACAEDAQE/AUf/xAAUEQEAAAAAAAAAAAAAAAAAAABA/9oACAECAQE/AUf/xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAY/AkH/xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAE/IUH/2gAMAwEAAgADAAAAEP8A/wD999//AP8A330IILzzwIILzzz/xAAUEQEAAAAAAAAAAAAAAAAAAABA/9oACAEDAQE/EEf/xAAUEQEAAAAAAAAAAAAAAAAAAABA/9oACAECAQE/EEf/xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAE/EEH/2Q==",
);
/** The same picture as lossy WebP in the simple format, without VP8X. */
export const LOSSY_WEBP = fromBase64(
  "UklGRp4AAABXRUJQVlA4IJIAAABQBwCdASpgAEAAPjEUiEKiISEWpAAgAwSghwAZCfgfwD8ANsO4B+AH7Ef0TkAuwGZ+Aqbb+MZVPkKrgZ3w90DumzkAAP6NSISqPtRklglMBC8JxtFR6I7Nuv3XbE9FBzvQHuQNnxeTb1V88sdrcL+It8heph+aOeyPE7IqbOpIYd0V5GBeG2ia1dBtE4BoAAAAAA==",
);
/** The same picture as lossless WebP without VP8X; its 8 leftmost columns are half transparent. */
export const LOSSLESS_WEBP = fromBase64(
  "UklGRk4AAABXRUJQVlA4TEIAAAAvX8APEC8gEEjaH3oNAUGR/6MJCIr8H01AUHTdcsEvzVZyYJiNpFM4hVM4hVEYf50F2EdE/ydA9aIb73MAE/14nwM=",
);
/** The same picture as lossy WebP with VP8X and ALPH; its 8 leftmost columns are half transparent. */
export const ALPHA_WEBP = fromBase64(
  "UklGRs4AAABXRUJQVlA4WAoAAAAQAAAAXwAAPwAAQUxQSBYAAAABD/DA/4iIICQg/D+tGSBF9H8CpD4PVlA4IJIAAAAwBwCdASpgAEAAPm0uk0YkIqGhLUgAgA2JQQ4AMdr4f4B+JO2i8Q/ET9XeMC7Z5n4CptwLHv1kZIMJbpyh2N2lRFAA/i8txLwD7eKTq5AOPr4tjkk6feM5HxiMFh1fbjVmI/i8C6wVZEOjlZplw1uCq7IVr6DEEkmgne7YcFSnBczEj7lXDve3V8MT3Er8OKAAAA==",
);

/** A drawing with a script, which is not a picture to the service. */
export const svg = text(
  '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><script>alert(1)</script></svg>',
);

/** A PNG of stored pixels; without `pixel`, of quadrants as in {@link QUADRANT_JPEG}. RGBA when pixels have an alpha. */
export function pngOf(
  width: number,
  height: number,
  pixel: (x: number, y: number) => Pixel = quadrants(width, height),
) {
  const channels = pixel(0, 0).length;
  const rows = new Uint8Array((1 + width * channels) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows.set(pixel(x, y), y * (1 + width * channels) + 1 + x * channels);
  }
  return pngFile(pngChunk("IHDR", pngHeader(width, height, 8, channels === 3 ? 2 : 6)), zlibStored(rows));
}

/** Red, green, blue and white quadrants, so that every turn and mirroring can be told from every other. */
export function quadrants(width: number, height: number): (x: number, y: number) => Pixel {
  return (x, y) => {
    const isLeft = x < width / 2;
    if (y < height / 2) return isLeft ? [255, 0, 0] : [0, 255, 0];
    return isLeft ? [0, 0, 255] : [255, 255, 255];
  };
}

/** A real, black, one-bit PNG at deflate's best ratio: 12,000 × 12,000 px in 17.5 KB, 576 MB when decoded to RGBA. */
export function pngBomb(width = 12_000, height = 12_000): Bytes {
  const length = (1 + Math.ceil(width / 8)) * height;
  return pngFile(pngChunk("IHDR", pngHeader(width, height, 1, 0)), zlibZeros(length));
}

/** A PNG with the chunk that makes it animated. */
export function animatedPng(width = 96, height = 64): Bytes {
  return withPngChunk(pngOf(width, height), "acTL", Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0));
}

/** A WebP of one frame in the animated format. */
export function animatedWebp(): Bytes {
  const frame = concat([
    new Uint8Array(6),
    Uint8Array.of(95, 0, 0, 63, 0, 0, 100, 0, 0, 0),
    LOSSLESS_WEBP.subarray(12),
  ]);
  const header = Uint8Array.of(0x12, 0, 0, 0, 95, 0, 0, 63, 0, 0);
  return webpFile([webpChunk("VP8X", header), webpChunk("ANIM", new Uint8Array(6)), webpChunk("ANMF", frame)]);
}

/** The picture with `trailer` behind its end. */
export function jpegWithTrailer(bytes: Uint8Array, trailer: Uint8Array | string): Bytes {
  return concat([bytes, typeof trailer === "string" ? text(trailer) : trailer]);
}

/** The first `share` of the file, by default two thirds. */
export function truncated(bytes: Uint8Array, share = 2 / 3): Bytes {
  return bytes.slice(0, Math.floor(bytes.length * share));
}

/** The bytes with `patch` written at `at`. */
export function patched(bytes: Uint8Array, at: number, ...patch: number[]): Bytes {
  const copy = bytes.slice();
  copy.set(patch, at);
  return copy;
}

/** Where the bytes of `needle` first stand in a row; -1 when nowhere. */
export function indexOf(bytes: Uint8Array, ...needle: number[]): number {
  return bytes.findIndex((_, at) => needle.every((byte, i) => bytes[at + i] === byte));
}

/** The camera in the EXIF of {@link withExif}: finding it in other bytes proves a leak. */
export const EXIF_CAMERA = "Leaky Test Camera";

export interface ExifContent {
  readonly orientation?: number;
  /** Degrees, north and east positive. */
  readonly gps?: { readonly latitude: number; readonly longitude: number };
  readonly littleEndian?: boolean;
}

/** The picture with EXIF that names a camera, an orientation and a place, as the type's writers embed it. */
export function withExif(bytes: Uint8Array, mime: ImageMime, content: ExifContent): Bytes {
  const tiff = exifTiff(content);
  if (mime === "image/jpeg") return withJpegSegment(bytes, 0xe1, concat([text("Exif\0\0"), tiff]));
  return mime === "image/png" ? withPngChunk(bytes, "eXIf", tiff) : withWebpChunk(bytes, "EXIF", tiff, 0x08);
}

/** A TIFF block as EXIF holds it: IFD0 with the camera's make and the orientation, perhaps a GPS IFD. */
export function exifTiff({ orientation = 1, gps, littleEndian: little = false }: ExifContent): Bytes {
  const make = text(`${EXIF_CAMERA}\0`);
  const gpsAt = 50 + make.length + (make.length & 1);
  const tiff = new Uint8Array(gpsAt + (gps ? 102 : 0));
  const view = new DataView(tiff.buffer);
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, count, little);
    if (type === 3) view.setUint16(at + 8, value, little);
    else view.setUint32(at + 8, value, little);
  };
  tiff.set(text(little ? "II*\0" : "MM\0*"));
  view.setUint32(4, 8, little);
  view.setUint16(8, gps ? 3 : 2, little);
  entry(10, 0x010f, 2, make.length, 50);
  entry(22, 0x0112, 3, 1, orientation);
  tiff.set(make, 50);
  if (!gps) return tiff;
  entry(34, 0x8825, 4, 1, gpsAt);
  view.setUint16(gpsAt, 4, little);
  const axes = [
    ["N", "S", gps.latitude],
    ["E", "W", gps.longitude],
  ] as const;
  for (const [index, [positive, negative, degrees]] of axes.entries()) {
    const at = gpsAt + 2 + index * 24;
    const values = gpsAt + 54 + index * 24;
    entry(at, 1 + 2 * index, 2, 2, 0);
    tiff.set(text(degrees < 0 ? negative : positive), at + 8);
    entry(at + 12, 2 + 2 * index, 5, 3, values);
    view.setUint32(values, Math.round(Math.abs(degrees) * 1e6), little);
    view.setUint32(values + 4, 1e6, little);
    view.setUint32(values + 12, 1, little);
    view.setUint32(values + 20, 1, little);
  }
  return tiff;
}

/** The JPEG with a marker segment right after SOI. */
export function withJpegSegment(bytes: Uint8Array, marker: number, payload: Uint8Array): Bytes {
  const length = payload.length + 2;
  return concat([
    bytes.subarray(0, 2),
    Uint8Array.of(0xff, marker, length >> 8, length & 255),
    payload,
    bytes.subarray(2),
  ]);
}

/** The PNG with a chunk right after IHDR. */
export function withPngChunk(bytes: Uint8Array, type: string, data: Uint8Array): Bytes {
  return concat([bytes.subarray(0, 33), pngChunk(type, data), bytes.subarray(33)]);
}

/** The WebP with a chunk at its end, announced by `flag` in VP8X; a simple file of 96×64 px is extended first. */
export function withWebpChunk(bytes: Uint8Array, type: string, data: Uint8Array, flag = 0): Bytes {
  const isExtended = bytes[15] === 0x58;
  const alpha = bytes[15] === 0x4c ? 0x10 : 0;
  const header = isExtended ? bytes.slice(20, 30) : Uint8Array.of(alpha, 0, 0, 0, 95, 0, 0, 63, 0, 0);
  header[0] = (header[0] ?? 0) | flag;
  return webpFile([webpChunk("VP8X", header), bytes.subarray(isExtended ? 30 : 12), webpChunk(type, data)]);
}

/** Samsung's SEF trailer with one data block. */
export function samsungTrailer(name = "Image_UTC_Data", data: Uint8Array = text("1700000000000")): Bytes {
  const block = concat([Uint8Array.of(0, 0, 1, 10), u32le(name.length), text(name), data]);
  const entry = concat([Uint8Array.of(0, 0, 1, 10), u32le(block.length), u32le(block.length)]);
  return concat([block, text("SEFH"), u32le(101), u32le(1), entry, u32le(24), text("SEFT")]);
}

/** The skeleton of the film in a motion photo: `ftyp`, `moov` and `mdat` boxes. */
export function motionPhotoFilm(): Bytes {
  const box = (type: string, data: Uint8Array) => concat([u32le(data.length + 8).reverse(), text(type), data]);
  return concat([
    box("ftyp", text("mp42\0\0\0\0isommp42")),
    box("mdat", new Uint8Array(64)),
    box("moov", new Uint8Array(16)),
  ]);
}

export function concat(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of a Latin-1 string. */
export function text(latin1: string): Bytes {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0));
}

/** A PNG chunk with its length and CRC. */
export function pngChunk(type: string, data: Uint8Array): Bytes {
  const body = concat([text(type), data]);
  let crc = -1;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return concat([u32le(data.length).reverse(), body, u32le(~crc).reverse()]);
}

/** The payload of an IHDR chunk. */
export function pngHeader(width: number, height: number, bitDepth: number, colourType: number): Bytes {
  return concat([u32le(width).reverse(), u32le(height).reverse(), Uint8Array.of(bitDepth, colourType, 0, 0, 0)]);
}

function fromBase64(base64: string): Bytes {
  return text(atob(base64));
}

function u32le(value: number): Bytes {
  return Uint8Array.of(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);
}

function pngFile(header: Uint8Array, data: Uint8Array): Bytes {
  return concat([text("\x89PNG\r\n\x1a\n"), header, pngChunk("IDAT", data), pngChunk("IEND", new Uint8Array(0))]);
}

function zlibStored(data: Uint8Array): Bytes {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  let [low, high] = [1, 0];
  for (let at = 0; at < data.length; at += 65_535) {
    const block = data.subarray(at, at + 65_535);
    const size = block.length;
    const isLast = at + size === data.length ? 1 : 0;
    parts.push(Uint8Array.of(isLast, size & 255, size >> 8, ~size & 255, (~size >> 8) & 255), block);
    for (const byte of block) {
      low = (low + byte) % 65_521;
      high = (high + low) % 65_521;
    }
  }
  return concat([...parts, u32le(high * 65_536 + low).reverse()]);
}

function webpChunk(type: string, data: Uint8Array): Bytes {
  return concat([text(type), u32le(data.length), data, new Uint8Array(data.length & 1)]);
}

function webpFile(chunks: readonly Uint8Array[]): Bytes {
  const body = concat([text("WEBP"), ...chunks]);
  return concat([text("RIFF"), u32le(body.length), body]);
}
