import type { ImageMime } from "../../../ports/image-codec.ts";
import { concat, hasText, u16be, u32be, u32le } from "./bytes.ts";
import { inflated } from "./inflate.ts";

/** Profiles of cameras and screens have some kilobytes; larger ones are passed over. */
const MAX_PROFILE_BYTES = 1_000_000;

/**
 * The ICC profile in a well-formed picture of type `mime`; null where there is none that can be read. Looks no further
 * than where the pixels begin.
 */
export async function readColourProfile(bytes: Uint8Array, mime: ImageMime): Promise<Uint8Array | null> {
  const readers = { "image/jpeg": ofJpeg, "image/png": ofPng, "image/webp": ofWebp };
  const profile = await readers[mime](bytes);
  return profile !== null && profile.length <= MAX_PROFILE_BYTES ? profile : null;
}

/** In APP2 segments, numbered from 1 (ICC.1:2022, annex B.4). */
function ofJpeg(bytes: Uint8Array): Uint8Array | null {
  const [app2, sos, name] = [0xe2, 0xda, "ICC_PROFILE\0"];
  const pieces: { readonly number: number; readonly data: Uint8Array }[] = [];
  for (let at = 2; bytes[at] === 0xff && bytes[at + 1] !== sos; at += 2 + u16be(bytes, at + 2)) {
    if (bytes[at + 1] !== app2 || !hasText(bytes, at + 4, name)) continue;
    const start = at + 4 + name.length;
    pieces.push({ number: bytes[start] ?? 0, data: bytes.subarray(start + 2, at + 2 + u16be(bytes, at + 2)) });
  }
  if (pieces.length === 0) return null;
  return concat(pieces.toSorted((a, b) => a.number - b.number).map(({ data }) => data));
}

/** In iCCP: a name, a zero, the method, which is deflate, and the data (PNG §11.3.2.3). */
async function ofPng(bytes: Uint8Array): Promise<Uint8Array | null> {
  for (let at = 8; at + 12 <= bytes.length && !hasText(bytes, at + 4, "IDAT"); at += 12 + u32be(bytes, at)) {
    if (!hasText(bytes, at + 4, "iCCP")) continue;
    const chunk = bytes.subarray(at + 8, at + 8 + u32be(bytes, at));
    const nameEnd = chunk.indexOf(0);
    return nameEnd === -1 ? null : wholeOf(chunk.subarray(nameEnd + 2));
  }
  return null;
}

async function wholeOf(data: Uint8Array): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of inflated([data])) {
      length += chunk.byteLength;
      if (length > MAX_PROFILE_BYTES) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return concat(chunks);
}

/** In ICCP, which follows VP8X at once. */
function ofWebp(bytes: Uint8Array): Uint8Array | null {
  const isThere = hasText(bytes, 12, "VP8X") && ((bytes[20] ?? 0) & 0x20) !== 0 && hasText(bytes, 30, "ICCP");
  return isThere ? bytes.subarray(38, 38 + u32le(bytes, 34)) : null;
}
