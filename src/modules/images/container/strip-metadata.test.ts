import { describe, expect, it } from "vitest";
import { partNamesOf, picturePartsOf } from "../../../../test/support/picture-parts.ts";
import {
  ALPHA_WEBP,
  concat,
  EXIF_CAMERA,
  exifTiff,
  LOSSLESS_WEBP,
  LOSSY_WEBP,
  motionPhotoFilm,
  PROGRESSIVE_JPEG,
  pngOf,
  QUADRANT_JPEG,
  samsungTrailer,
  text,
  withExif,
  withJpegSegment,
  withPngChunk,
  withWebpChunk,
} from "../../../../test/support/pictures.ts";
import type { ImageMime } from "../../../ports/image-codec.ts";
import { inspectImage } from "./inspect.ts";
import { stripMetadata } from "./strip-metadata.ts";

const gps = { latitude: 52.52, longitude: 13.405 };
const PNG = pngOf(96, 64);
const PICTURES: readonly (readonly [string, ImageMime, Uint8Array])[] = [
  ["baseline JPEG", "image/jpeg", QUADRANT_JPEG],
  ["progressive JPEG", "image/jpeg", PROGRESSIVE_JPEG],
  ["PNG", "image/png", PNG],
  ["lossy WebP", "image/webp", LOSSY_WEBP],
  ["lossless WebP", "image/webp", LOSSLESS_WEBP],
  ["extended WebP", "image/webp", ALPHA_WEBP],
];

function contains(bytes: Uint8Array, needle: string): boolean {
  return String.fromCharCode(...bytes).includes(needle);
}

describe("all types", () => {
  it.each(PICTURES)("removes camera, place and orientation from a %s and keeps its size", (_, mime, bytes) => {
    const leaky = withExif(bytes, mime, { orientation: 6, gps });
    expect(contains(leaky, EXIF_CAMERA)).toBe(true);
    const stripped = stripMetadata(leaky, mime);
    expect(contains(stripped, EXIF_CAMERA)).toBe(false);
    expect(partNamesOf(stripped, mime)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(APP1|eXIf|EXIF)$/)]),
    );
    expect(inspectImage(stripped)).toMatchObject({ ok: true, mime, width: 96, height: 64, orientation: 1 });
  });

  it.each(PICTURES)("leaves a clean %s as it is", (_, mime, bytes) => {
    expect(stripMetadata(bytes, mime)).toEqual(bytes);
  });

  it.each(PICTURES)("adds nothing but the orientation to a %s when asked", (_, mime, bytes) => {
    const leaky = withExif(bytes, mime, { orientation: 3, gps });
    for (const orientation of [2, 3, 4, 5, 6, 7, 8]) {
      const turned = stripMetadata(leaky, mime, { orientation });
      expect(inspectImage(turned)).toMatchObject({ ok: true, width: 96, height: 64, orientation });
      expect(contains(turned, EXIF_CAMERA)).toBe(false);
      expect(stripMetadata(turned, mime, { orientation })).toEqual(turned);
      const { hasAlpha } = inspectImage(bytes) as { hasAlpha: boolean };
      expect(inspectImage(turned)).toMatchObject({ hasAlpha });
    }
  });

  it.each(PICTURES)("adds no orientation to a %s for 1 and for what is none", (_, mime, bytes) => {
    const plain = stripMetadata(bytes, mime);
    for (const orientation of [1, 0, 9, -1, 2.5, Number.NaN]) {
      expect(stripMetadata(bytes, mime, { orientation })).toEqual(plain);
    }
  });

  it("answers an empty array for bytes that are no picture of the type", () => {
    for (const mime of ["image/jpeg", "image/png", "image/webp"] as const) {
      expect(stripMetadata(text("GIF89a"), mime)).toHaveLength(0);
      expect(stripMetadata(new Uint8Array(0), mime)).toHaveLength(0);
    }
    expect(stripMetadata(PNG, "image/jpeg")).toHaveLength(0);
    expect(stripMetadata(QUADRANT_JPEG.subarray(0, -1), "image/jpeg")).toHaveLength(0);
  });

  it("never hands back its input's memory", () => {
    for (const [, mime, bytes] of PICTURES) expect(stripMetadata(bytes, mime).buffer).not.toBe(bytes.buffer);
  });
});

describe("JPEG", () => {
  const tables = partNamesOf(QUADRANT_JPEG, "image/jpeg");

  it.each<[string, number, string]>([
    ["XMP", 0xe1, "http://ns.adobe.com/xap/1.0/\0<x/>"],
    ["MPF", 0xe2, "MPF\0MM\0*"],
    ["FlashPix", 0xe2, "FPXR\0"],
    ["IPTC", 0xed, "Photoshop 3.0\x008BIM"],
    ["a comment", 0xfe, "taken by Ann"],
    ["JFXX thumbnails", 0xe0, "JFXX\0\x10"],
    ["an APP14 that is not Adobe's", 0xee, "hello"],
    ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15].map((n): [string, number, string] => [`APP${n}`, 0xe0 + n, "x"]),
  ])("drops %s", (_, marker, payload) => {
    const stripped = stripMetadata(withJpegSegment(QUADRANT_JPEG, marker, text(payload)), "image/jpeg");
    expect(partNamesOf(stripped, "image/jpeg")).toEqual(tables);
  });

  it("keeps colour profiles and Adobe's colour transform", () => {
    const adobe = withJpegSegment(QUADRANT_JPEG, 0xee, text("Adobe\0\x64\0\0\0\0\x01"));
    const both = withJpegSegment(adobe, 0xe2, text("ICC_PROFILE\0\x01\x01profile"));
    expect(stripMetadata(both, "image/jpeg")).toEqual(both);
  });

  it("keeps JFIF's density without its thumbnail", () => {
    const about = "JFIF\0\x01\x02\x01\0\x48\0\x48";
    const thumbnail = withJpegSegment(QUADRANT_JPEG, 0xe0, text(`${about}\x01\x01rgb`));
    const [jfif] = picturePartsOf(stripMetadata(thumbnail, "image/jpeg"), "image/jpeg");
    expect(jfif).toEqual({ name: "APP0", data: text(`${about}\0\0`) });
  });

  it("keeps one JFIF segment, in front", () => {
    const jfif = text("JFIF\0\x01\x02\x01\0\x48\0\x48\0\0");
    const twice = withJpegSegment(withJpegSegment(QUADRANT_JPEG, 0xe0, jfif), 0xe0, jfif);
    const turned = stripMetadata(withExif(twice, "image/jpeg", { orientation: 6 }), "image/jpeg", { orientation: 6 });
    expect(partNamesOf(turned, "image/jpeg")).toEqual(["APP0", "APP1", ...tables]);
  });

  it("drops JFIF cut short and JFIF behind the first scan, which decoders ignore", () => {
    const short = withJpegSegment(QUADRANT_JPEG, 0xe0, text("JFIF\0\x01\x02"));
    expect(stripMetadata(short, "image/jpeg")).toEqual(QUADRANT_JPEG);
    const segment = withJpegSegment(text("\xff\xd8"), 0xe0, text("JFIF\0\x01\x02\x01\0\x48\0\x48\0\0")).subarray(2);
    const late = concat([QUADRANT_JPEG.subarray(0, -2), segment, text("\xff\xd9")]);
    expect(stripMetadata(late, "image/jpeg")).toEqual(QUADRANT_JPEG);
  });

  it("drops metadata between scans", () => {
    const segment = withJpegSegment(QUADRANT_JPEG, 0xe1, text("secret")).subarray(2, 12);
    const sos = PROGRESSIVE_JPEG.findIndex((byte, at) => byte === 0xff && PROGRESSIVE_JPEG[at + 1] === 0xda);
    const next = PROGRESSIVE_JPEG.findIndex(
      (byte, at) => at > sos && byte === 0xff && (PROGRESSIVE_JPEG[at + 1] ?? 0) > 0,
    );
    const late = concat([PROGRESSIVE_JPEG.subarray(0, next), segment, PROGRESSIVE_JPEG.subarray(next)]);
    expect(contains(late, "secret")).toBe(true);
    expect(stripMetadata(late, "image/jpeg")).toEqual(PROGRESSIVE_JPEG);
  });

  it("drops fill bytes before markers", () => {
    const filled = concat([QUADRANT_JPEG.subarray(0, 2), text("\xff\xff"), QUADRANT_JPEG.subarray(2)]);
    expect(inspectImage(filled)).toMatchObject({ ok: true });
    expect(stripMetadata(filled, "image/jpeg")).toEqual(QUADRANT_JPEG);
  });

  it.each<[string, Uint8Array]>([
    ["a second picture", PROGRESSIVE_JPEG],
    ["a film", motionPhotoFilm()],
    ["Samsung's trailer", samsungTrailer()],
    ["HTML, which inspection refuses", text("<script>alert(1)</script>")],
  ])("cuts %s behind its end", (_, trailer) => {
    expect(stripMetadata(concat([QUADRANT_JPEG, trailer]), "image/jpeg")).toEqual(QUADRANT_JPEG);
  });
});

describe("PNG", () => {
  it.each(["tEXt", "zTXt", "iTXt", "tIME", "eXIf", "iDOT", "caBX", "prVW", "hIST", "sPLT"])("drops %s", (type) => {
    expect(stripMetadata(withPngChunk(PNG, type, text("Author\0Ann")), "image/png")).toEqual(PNG);
  });

  it.each(["gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "bKGD", "pHYs", "tRNS", "cICP", "mDCV", "cLLI"])(
    "keeps %s",
    (type) => {
      const picture = withPngChunk(PNG, type, text("value"));
      expect(stripMetadata(picture, "image/png")).toEqual(picture);
    },
  );

  it("drops a colour chunk whose checksum is wrong, as decoders ignore it", () => {
    const picture = withPngChunk(PNG, "gAMA", text("1234"));
    picture[41] = 0;
    expect(stripMetadata(picture, "image/png")).toEqual(PNG);
  });

  it("cuts what follows its end", () => {
    expect(stripMetadata(concat([PNG, text("<script>")]), "image/png")).toEqual(PNG);
  });
});

describe("WebP", () => {
  const flagsOf = (bytes: Uint8Array) =>
    picturePartsOf(bytes, "image/webp").find(({ name }) => name === "VP8X")?.data[0];

  it.each<[string, number]>([
    ["EXIF", 0x08],
    ["XMP ", 0x04],
    ["JUNK", 0x00],
  ])("drops %s and clears its flag", (type, flag) => {
    expect(stripMetadata(withWebpChunk(ALPHA_WEBP, type, text("odd"), flag), "image/webp")).toEqual(ALPHA_WEBP);
  });

  it("keeps an announced colour profile and its flag, in the order that the format asks for", () => {
    const stripped = stripMetadata(withWebpChunk(ALPHA_WEBP, "ICCP", text("profile"), 0x20), "image/webp");
    expect(partNamesOf(stripped, "image/webp")).toEqual(["VP8X", "ICCP", "ALPH", "VP8"]);
    expect(flagsOf(stripped)).toBe(0x30);
  });

  it("drops a colour profile that VP8X does not announce and a flag without one", () => {
    expect(stripMetadata(withWebpChunk(ALPHA_WEBP, "ICCP", text("profile")), "image/webp")).toEqual(ALPHA_WEBP);
    expect(flagsOf(stripMetadata(withWebpChunk(ALPHA_WEBP, "JUNK", text(""), 0x20), "image/webp"))).toBe(0x10);
  });

  it("drops transparency that decoders ignore: behind the picture or beside a lossless one", () => {
    const late = withWebpChunk(LOSSY_WEBP, "ALPH", text("\0\0"), 0x10);
    const beside = concat([
      text("RIFF____WEBPVP8X\x0a\0\0\0\x10\0\0\0\x5f\0\0\x3f\0\0ALPH\x02\0\0\0ab"),
      LOSSLESS_WEBP.subarray(12),
    ]);
    new DataView(beside.buffer).setUint32(4, beside.length - 8, true);
    expect(partNamesOf(stripMetadata(late, "image/webp"), "image/webp")).toEqual(["VP8X", "VP8"]);
    expect(partNamesOf(stripMetadata(beside, "image/webp"), "image/webp")).toEqual(["VP8X", "VP8L"]);
  });

  it("drops chunks behind the picture of a simple file", () => {
    const simple = concat([LOSSY_WEBP, text("EXIF\x04\0\0\0abcd")]);
    simple[4] = simple.length - 8;
    expect(inspectImage(simple)).toMatchObject({ ok: true });
    expect(stripMetadata(simple, "image/webp")).toEqual(LOSSY_WEBP);
  });

  it("extends a simple file to hold the orientation, announcing its alpha", () => {
    const turned = stripMetadata(LOSSLESS_WEBP, "image/webp", { orientation: 6 });
    expect(partNamesOf(turned, "image/webp")).toEqual(["VP8X", "VP8L", "EXIF"]);
    expect(flagsOf(turned)).toBe(0x18);
    expect(flagsOf(stripMetadata(LOSSY_WEBP, "image/webp", { orientation: 6 }))).toBe(0x08);
  });

  it("accepts a last chunk without its padding byte and writes it with one", () => {
    const odd = withWebpChunk(LOSSY_WEBP, "EXIF", exifTiff({ orientation: 6 }).subarray(0, 67), 0x08).slice(0, -1);
    odd[4] = odd.length - 8;
    expect(inspectImage(odd)).toMatchObject({ ok: true });
    expect(partNamesOf(stripMetadata(odd, "image/webp"), "image/webp")).toEqual(["VP8X", "VP8"]);
  });
});
