import type { ImageMime } from "../../../ports/image-codec.ts";
import { hasText, readText, u32be } from "./bytes.ts";
import { isJpeg } from "./jpeg.ts";

/** The type that the first bytes announce; null for anything else. */
export function sniffMime(bytes: Uint8Array): ImageMime | null {
  if (isJpeg(bytes)) return "image/jpeg";
  // Only the first half of the signature, so that a file mangled in a text transfer counts as a damaged PNG.
  if (hasText(bytes, 0, "\x89PNG")) return "image/png";
  return hasText(bytes, 0, "RIFF") && hasText(bytes, 8, "WEBP") ? "image/webp" : null;
}

const ACCEPTED = "send a JPEG, PNG or WebP";

/** First bytes of formats that people send by mistake. */
const SIGNATURES: readonly (readonly [offset: number, text: string, name: string])[] = [
  [0, "GIF8", "GIF pictures"],
  [0, "BM", "BMP pictures"],
  [0, "II*\0", "TIFF and raw pictures"],
  [0, "MM\0*", "TIFF and raw pictures"],
  [0, "\xff\x0a", "JPEG XL pictures"],
  [4, "JXL \r\n\x87\n", "JPEG XL pictures"],
  [4, "jP  \r\n\x87\n", "JPEG 2000 pictures"],
  [0, "\xff\x4f\xff\x51", "JPEG 2000 pictures"],
  [0, "8BPS", "Photoshop documents"],
  [0, "\0\0\x01\0", "ICO icons"],
  [0, "%PDF-", "PDF documents"],
  [0, "PK\x03\x04", "ZIP archives and office documents"],
  [0, "\x1f\x8b", "Compressed files"],
  [0, "RIFF", "AVI and WAV files"],
];

/** ISO base media brands of still pictures; `mif1` alone says only that it is one. */
const BRANDS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/avif|avis/, `AVIF pictures are not accepted; ${ACCEPTED}.`],
  [
    /heic|heix|heim|heis|hevc|hevx|hevm|hevs|mif1|msf1/,
    "HEIC pictures are not accepted; save it as JPEG (iPhone: Settings, Camera, Formats, Most Compatible).",
  ],
  [/crx /, `Raw pictures are not accepted; ${ACCEPTED}.`],
];

/** What a file that {@link sniffMime} does not know is, as a sentence for the person who sent it. */
export function describeUnsupported(bytes: Uint8Array): string {
  if (bytes.length === 0) return "The file is empty.";
  if (hasText(bytes, 4, "ftyp")) return describeBaseMedia(bytes);
  const known = SIGNATURES.find(([offset, text]) => hasText(bytes, offset, text));
  if (known) return `${known[2]} are not accepted; ${ACCEPTED}.`;
  return describeText(bytes) ?? "The file is not a JPEG, PNG or WebP picture.";
}

function describeBaseMedia(bytes: Uint8Array): string {
  const brands = readText(bytes, 8, Math.max(12, Math.min(u32be(bytes, 0), 256)));
  const brand = BRANDS.find(([pattern]) => pattern.test(brands));
  return brand?.[1] ?? `Videos are not accepted; ${ACCEPTED}.`;
}

function describeText(bytes: Uint8Array): string | null {
  const isText = bytes.subarray(0, 512).every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
  if (!isText) return null;
  const text = readText(bytes, 0, 4096)
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .toLowerCase();
  if (text.startsWith("<") && text.includes("<svg")) return `SVG drawings are not accepted; ${ACCEPTED}.`;
  if (/^<!doctype html|^<html/.test(text)) return `The file is a web page, not a picture; ${ACCEPTED}.`;
  if (/^data:image\/|^\/9j\/|^ivborw0kggo|^uklgr/.test(text)) {
    return "The file is base64 text; send the bytes of the picture.";
  }
  return `The file is text, not a picture; ${ACCEPTED}.`;
}
