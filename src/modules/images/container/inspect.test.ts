import { describe, expect, it } from "vitest";
import {
  ALPHA_WEBP,
  animatedPng,
  animatedWebp,
  concat,
  exifTiff,
  LOSSLESS_WEBP,
  LOSSY_WEBP,
  PROGRESSIVE_JPEG,
  patched,
  pngBomb,
  pngChunk,
  pngOf,
  QUADRANT_JPEG,
  svg,
  text,
  withExif,
  withPngChunk,
  withWebpChunk,
} from "../../../../test/support/pictures.ts";
import { inspectImage } from "./inspect.ts";

const NOTHING = new Uint8Array(0);
const refused = (error: "unsupported" | "invalid", reason: RegExp) => ({
  ok: false,
  error,
  reason: expect.stringMatching(reason),
});

describe("accepted pictures", () => {
  const size = { width: 96, height: 64, uprightWidth: 96, uprightHeight: 64, orientation: 1 };
  it.each([
    ["baseline JPEG", QUADRANT_JPEG, { mime: "image/jpeg", hasAlpha: false }],
    ["progressive JPEG", PROGRESSIVE_JPEG, { mime: "image/jpeg", hasAlpha: false }],
    ["RGB PNG", pngOf(96, 64), { mime: "image/png", hasAlpha: false }],
    ["RGBA PNG", pngOf(96, 64, () => [1, 2, 3, 4]), { mime: "image/png", hasAlpha: true }],
    ["one-bit PNG", pngBomb(96, 64), { mime: "image/png", hasAlpha: false }],
    ["PNG with tRNS", withPngChunk(pngBomb(96, 64), "tRNS", new Uint8Array(2)), { mime: "image/png", hasAlpha: true }],
    ["lossy WebP", LOSSY_WEBP, { mime: "image/webp", hasAlpha: false }],
    ["lossless WebP with alpha", LOSSLESS_WEBP, { mime: "image/webp", hasAlpha: true }],
    ["extended lossy WebP with alpha", ALPHA_WEBP, { mime: "image/webp", hasAlpha: true }],
  ])("reads type, size and alpha of a %s", (_, bytes, expected) => {
    expect(inspectImage(bytes)).toEqual({ ok: true, ...size, ...expected });
  });

  it.each([
    ["image/jpeg", QUADRANT_JPEG],
    ["image/png", pngOf(96, 64)],
    ["image/webp", LOSSY_WEBP],
  ] as const)(
    "swaps the upright size of %s for the orientations that lie on a side, and for no others",
    (mime, bytes) => {
      for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const [uprightWidth, uprightHeight] = orientation > 4 ? [64, 96] : [96, 64];
        const found = inspectImage(withExif(bytes, mime, { orientation }));
        expect(found).toMatchObject({ ok: true, width: 96, height: 64, uprightWidth, uprightHeight, orientation });
      }
    },
  );

  it("ignores an eXIf and a tRNS chunk whose checksum is wrong", () => {
    const tiff = exifTiff({ orientation: 6 });
    const png = withPngChunk(pngOf(96, 64), "eXIf", tiff);
    expect(inspectImage(png)).toMatchObject({ orientation: 6 });
    expect(inspectImage(patched(png, 33 + 8 + tiff.length, 1, 2, 3, 4))).toMatchObject({ ok: true, orientation: 1 });
    const transparent = withPngChunk(pngOf(96, 64), "tRNS", new Uint8Array(6));
    expect(inspectImage(transparent)).toMatchObject({ hasAlpha: true });
    expect(inspectImage(patched(transparent, 33 + 8 + 6, 1, 2, 3, 4))).toMatchObject({ ok: true, hasAlpha: false });
  });

  it("ignores an EXIF chunk that VP8X does not announce, as decoders do", () => {
    const webp = withWebpChunk(LOSSY_WEBP, "EXIF", exifTiff({ orientation: 6 }));
    expect(inspectImage(webp)).toMatchObject({ ok: true, orientation: 1 });
  });
});

describe("limits", () => {
  it("accepts 64 px and refuses 63 px on either side", () => {
    expect(inspectImage(pngBomb(64, 64))).toMatchObject({ ok: true });
    expect(inspectImage(pngBomb(63, 64))).toEqual(refused("invalid", /63 × 64 px.*at least 64/));
    expect(inspectImage(pngBomb(64, 63))).toEqual(refused("invalid", /at least 64/));
  });

  it("accepts 8192 px and refuses 8193 px on either side", () => {
    expect(inspectImage(pngBomb(8192, 64))).toMatchObject({ ok: true });
    expect(inspectImage(pngBomb(8193, 64))).toEqual(refused("invalid", /at most 8192/));
    expect(inspectImage(pngBomb(64, 8193))).toEqual(refused("invalid", /at most 8192/));
  });

  it("accepts exactly 25,000,000 pixels and refuses one row more", () => {
    expect(inspectImage(pngBomb(5000, 5000))).toMatchObject({ ok: true });
    expect(inspectImage(pngBomb(5000, 5001))).toEqual(refused("invalid", /at most 25 megapixels/));
  });

  it("refuses a decompression bomb by its header", () => {
    const bomb = pngBomb();
    expect(bomb.length).toBeLessThan(20_000);
    expect(inspectImage(bomb)).toEqual(refused("invalid", /12000 × 12000/));
  });
});

describe("other formats", () => {
  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", NOTHING, /empty/],
    ["SVG", svg, /^SVG/],
    ["SVG after a byte order mark and an XML declaration", text(`\xef\xbb\xbf <?xml version="1.0"?>\n<svg>`), /^SVG/],
    ["GIF", text("GIF89a\x01\0\x01\0\0\0\0;"), /^GIF/],
    ["GIF that is also JavaScript", text("GIF89a=1;alert(1)"), /^GIF/],
    ["HEIC", text("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), /^HEIC.*iPhone/],
    ["HEIC by a compatible brand", text("\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), /^HEIC/],
    ["HEIC whose box has no size", text("\0\0\0\0ftypheic"), /^HEIC/],
    ["AVIF", text("\0\0\0\x18ftypavif\0\0\0\0mif1avif"), /^AVIF/],
    ["AVIF by a compatible brand", text("\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), /^AVIF/],
    ["MP4", text("\0\0\0\x18ftypisom\0\0\0\0mp42isom"), /^Videos/],
    ["PDF", text("%PDF-1.7\n"), /^PDF/],
    ["TIFF", text("II*\0\x08\0\0\0"), /^TIFF/],
    ["BMP", text("BM\x36\0\0\0\0\0"), /^BMP/],
    ["JPEG XL", text("\xff\x0a\0\0"), /^JPEG XL/],
    ["ZIP", text("PK\x03\x04\x14\0"), /^ZIP/],
    ["WAV", text("RIFF\x24\0\0\0WAVEfmt "), /WAV/],
    ["HTML", text("<!DOCTYPE html><script>alert(1)</script>"), /web page/],
    ["base64", text("data:image/png;base64,iVBORw0KGgo"), /base64/],
    ["text", text("Hello, world"), /is text/],
    ["noise", Uint8Array.of(1, 2, 3, 4), /not a JPEG, PNG or WebP/],
    ["a JPEG behind a byte of junk", concat([text("\n"), QUADRANT_JPEG]), /not a JPEG, PNG or WebP/],
  ])("names %s in its refusal", (_, bytes, reason) => {
    expect(inspectImage(bytes)).toEqual(refused("unsupported", reason));
  });
});

describe("animated pictures", () => {
  it.each([
    ["APNG", animatedPng()],
    ["APNG by its frames alone", withPngChunk(pngOf(96, 64), "fcTL", new Uint8Array(26))],
    ["WebP", animatedWebp()],
    ["WebP by its flag alone", patched(ALPHA_WEBP, 20, 0x12)],
    ["WebP by its chunk alone", withWebpChunk(LOSSY_WEBP, "ANIM", new Uint8Array(6))],
  ])("refuses animated %s", (_, bytes) => {
    expect(inspectImage(bytes)).toEqual(refused("invalid", /Animated/));
  });
});

describe("split files", () => {
  it("refuses WebP of more parts than it wants to keep in memory", () => {
    const chunks = new Uint8Array(8 * 70_000).map((_, at) => "JUNK\0\0\0\0".charCodeAt(at % 8));
    const webp = concat([LOSSY_WEBP, chunks]);
    new DataView(webp.buffer).setUint32(4, webp.length - 8, true);
    expect(inspectImage(webp)).toEqual(refused("invalid", /too many parts/));
  });

  it("refuses JPEG and PNG of more parts than it wants to keep in memory", () => {
    const comments = Array<Uint8Array>(70_000).fill(text("\xff\xfe\0\x02"));
    const chunks = Array<Uint8Array>(70_000).fill(pngChunk("abCd", NOTHING));
    const [jpeg, png] = [QUADRANT_JPEG, pngBomb(96, 64)];
    const refusal = refused("invalid", /too many parts/);
    expect(inspectImage(concat([jpeg.subarray(0, 2), ...comments, jpeg.subarray(2)]))).toEqual(refusal);
    expect(inspectImage(concat([png.subarray(0, 33), ...chunks, png.subarray(33)]))).toEqual(refusal);
  });
});
