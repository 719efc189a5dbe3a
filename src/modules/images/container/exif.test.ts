import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, exifTiff, QUADRANT_JPEG, text, withExif, withJpegSegment } from "../../../../test/support/pictures.ts";
import { orientationTiff, tiffOrientation } from "./exif.ts";
import { inspectImage } from "./inspect.ts";

const gps = { latitude: 52.52, longitude: 13.405 };

/** The TIFF block with `patch` written at `at`. */
function patched(at: number, ...patch: number[]): Uint8Array {
  const tiff = exifTiff({ orientation: 6 });
  tiff.set(patch, at);
  return tiff;
}

describe("tiffOrientation", () => {
  it("reads all eight values in both byte orders, with and without the Exif prefix", () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      for (const littleEndian of [false, true]) {
        const tiff = exifTiff({ orientation, gps, littleEndian });
        expect(tiffOrientation(tiff)).toBe(orientation);
        expect(tiffOrientation(concat([text("Exif\0\0"), tiff]))).toBe(orientation);
      }
    }
  });

  it("reads back the block it writes", () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8] as const) {
      expect(tiffOrientation(orientationTiff(orientation))).toBe(orientation);
    }
    expect(orientationTiff(6)).toHaveLength(26);
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["another byte order mark", patched(0, 0x4d, 0x49)],
    ["another magic number", patched(3, 43)],
    ["an IFD beyond the block", patched(4, 0xff, 0xff, 0xff, 0xff)],
    ["an IFD that starts at its last byte", patched(4, 0, 0, 0, 68)],
    ["an entry cut short", exifTiff({ orientation: 6 }).subarray(0, 33)],
    ["value 0", patched(30, 0, 0)],
    ["value 9", patched(30, 0, 9)],
    ["a huge count", patched(26, 0xff, 0xff, 0xff, 0xff)],
    ["a LONG in place of a SHORT", patched(24, 0, 4)],
  ])("takes %s for upright", (_, tiff) => {
    expect(tiffOrientation(tiff)).toBe(1);
  });

  it("reads only the first IFD, so that one linking to itself cannot loop", () => {
    const tiff = orientationTiff(6);
    new DataView(tiff.buffer).setUint32(22, 8);
    expect(tiffOrientation(tiff)).toBe(6);
    tiff[11] = 0;
    expect(tiffOrientation(tiff)).toBe(1);
  });

  it("answers a value from 1 to 8 for any mutation", () => {
    const edits = fc.array(fc.tuple(fc.nat(69), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(edits, fc.nat(70), fc.boolean(), (changes, length, littleEndian) => {
        const tiff = exifTiff({ orientation: 6, littleEndian });
        for (const [at, byte] of changes) tiff[at] = byte;
        const orientation = tiffOrientation(tiff.subarray(0, length));
        expect(orientation).toBeGreaterThanOrEqual(1);
        expect(orientation).toBeLessThanOrEqual(8);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("where EXIF is looked for", () => {
  it("takes the first of two EXIF segments", () => {
    const inner = withExif(QUADRANT_JPEG, "image/jpeg", { orientation: 3 });
    expect(inspectImage(withExif(inner, "image/jpeg", { orientation: 6 }))).toMatchObject({ orientation: 6 });
  });

  it("passes over XMP in the same kind of segment", () => {
    const jpeg = withExif(QUADRANT_JPEG, "image/jpeg", { orientation: 6 });
    const xmp = text("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>");
    expect(inspectImage(withJpegSegment(jpeg, 0xe1, xmp))).toMatchObject({ orientation: 6 });
  });

  it("ignores an EXIF segment behind the first scan, as decoders do", () => {
    const segment = withExif(QUADRANT_JPEG, "image/jpeg", { orientation: 6 }).subarray(2, -QUADRANT_JPEG.length + 2);
    const late = concat([QUADRANT_JPEG.subarray(0, -2), segment, text("\xff\xd9")]);
    expect(inspectImage(late)).toMatchObject({ ok: true, orientation: 1 });
  });
});
