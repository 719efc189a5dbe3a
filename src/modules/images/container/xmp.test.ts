import { describe, expect, it } from "vitest";
import { partNamesOf, picturePartsOf } from "../../../../test/support/picture-parts.ts";
import {
  ALPHA_WEBP,
  concat,
  LOSSLESS_WEBP,
  LOSSY_WEBP,
  motionPhotoFilm,
  pngOf,
  QUADRANT_JPEG,
  text,
  withExif,
  withJpegSegment,
} from "../../../../test/support/pictures.ts";
import type { ImageMime } from "../../../ports/image-codec.ts";
import { inspectImage } from "./inspect.ts";
import { stripMetadata } from "./strip-metadata.ts";
import { DIGITAL_SOURCE_TYPE_XMP, digitalSourceXmp, embedXmp, MAX_JPEG_XMP_BYTES } from "./xmp.ts";

const PNG = pngOf(96, 64);
const PICTURES: readonly (readonly [string, ImageMime, Uint8Array])[] = [
  ["JPEG", "image/jpeg", QUADRANT_JPEG],
  ["PNG", "image/png", PNG],
  ["lossy WebP", "image/webp", LOSSY_WEBP],
  ["lossless WebP", "image/webp", LOSSLESS_WEBP],
  ["extended WebP", "image/webp", ALPHA_WEBP],
];

/** The packets in a picture, decoded. */
function packetsOf(bytes: Uint8Array, mime: ImageMime): string[] {
  const lead = {
    "image/jpeg": "http://ns.adobe.com/xap/1.0/\0",
    "image/png": "XML:com.adobe.xmp\0\0\0\0\0",
    "image/webp": "",
  };
  const name = { "image/jpeg": "APP1", "image/png": "iTXt", "image/webp": "XMP" }[mime];
  const prefix = lead[mime];
  return picturePartsOf(bytes, mime)
    .filter((part) => part.name === name && String.fromCharCode(...part.data.subarray(0, prefix.length)) === prefix)
    .map((part) =>
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(part.data.subarray(prefix.length)),
    );
}

describe("digitalSourceXmp", () => {
  it.each(["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced"] as const)(
    "states IPTC's %s",
    (kind) => {
      expect(digitalSourceXmp(kind)).toContain(
        `>http://cv.iptc.org/newscodes/digitalsourcetype/${kind}</Iptc4xmpExt:Digital`,
      );
    },
  );

  it("calls results composites with AI-generated content", () => {
    expect(DIGITAL_SOURCE_TYPE_XMP).toBe(digitalSourceXmp("compositeWithTrainedAlgorithmicMedia"));
  });
});

describe("embedXmp", () => {
  it.each(PICTURES)("embeds a packet in a %s that stays otherwise the same", (_, mime, bytes) => {
    const labelled = embedXmp(bytes, mime, DIGITAL_SOURCE_TYPE_XMP);
    expect(packetsOf(labelled, mime)).toEqual([DIGITAL_SOURCE_TYPE_XMP]);
    expect(inspectImage(labelled)).toEqual(inspectImage(bytes));
    const pixels = /^(SOS|IDAT|VP8|VP8L|ALPH)$/;
    const pixelsOf = (file: Uint8Array) => picturePartsOf(file, mime).filter(({ name }) => pixels.test(name));
    expect(pixelsOf(labelled)).toEqual(pixelsOf(bytes));
  });

  it.each(PICTURES)("replaces the packet that a %s has", (_, mime, bytes) => {
    const twice = embedXmp(embedXmp(bytes, mime, "<old/>"), mime, "<new>ü</new>");
    expect(packetsOf(twice, mime)).toEqual(["<new>ü</new>"]);
  });

  it.each(PICTURES)("leaves the orientation of a %s alone", (_, mime, bytes) => {
    const labelled = embedXmp(withExif(bytes, mime, { orientation: 6 }), mime, DIGITAL_SOURCE_TYPE_XMP);
    expect(inspectImage(labelled)).toMatchObject({ ok: true, orientation: 6 });
    expect(packetsOf(labelled, mime)).toEqual([DIGITAL_SOURCE_TYPE_XMP]);
  });

  it.each(PICTURES)("embeds in a %s only what stripping removes again", (_, mime, bytes) => {
    const stripped = stripMetadata(embedXmp(bytes, mime, DIGITAL_SOURCE_TYPE_XMP), mime);
    expect(packetsOf(stripped, mime)).toEqual([]);
    expect(inspectImage(stripped)).toEqual(inspectImage(bytes));
  });

  it("puts the JPEG segment behind JFIF and EXIF and drops extended XMP", () => {
    const extended = withJpegSegment(QUADRANT_JPEG, 0xe1, text("http://ns.adobe.com/xmp/extension/\0rest"));
    const exif = withExif(extended, "image/jpeg", { orientation: 6 });
    const jfif = withJpegSegment(exif, 0xe0, text("JFIF\0\x01\x02\x01\0\x48\0\x48\0\0"));
    const labelled = embedXmp(jfif, "image/jpeg", "<x/>");
    const leading = picturePartsOf(labelled, "image/jpeg").slice(0, 3);
    expect(leading.map(({ data }) => String.fromCharCode(...data.subarray(0, 4)))).toEqual(["JFIF", "Exif", "http"]);
    expect(partNamesOf(labelled, "image/jpeg").filter((name) => name === "APP1")).toHaveLength(2);
  });

  it("cuts what follows the picture, whose offsets would be wrong", () => {
    const labelled = embedXmp(concat([QUADRANT_JPEG, motionPhotoFilm()]), "image/jpeg", "<x/>");
    expect(labelled).toEqual(embedXmp(QUADRANT_JPEG, "image/jpeg", "<x/>"));
  });

  it("answers an empty array for bytes that are no picture of the type", () => {
    expect(embedXmp(PNG, "image/jpeg", "<x/>")).toHaveLength(0);
    expect(embedXmp(QUADRANT_JPEG, "image/png", "<x/>")).toHaveLength(0);
    expect(embedXmp(new Uint8Array(0), "image/webp", "<x/>")).toHaveLength(0);
  });

  it("takes the largest packet that a JPEG segment holds and throws for one byte more", () => {
    const largest = "x".repeat(MAX_JPEG_XMP_BYTES);
    expect(packetsOf(embedXmp(QUADRANT_JPEG, "image/jpeg", largest), "image/jpeg")).toEqual([largest]);
    expect(() => embedXmp(QUADRANT_JPEG, "image/jpeg", `${largest}x`)).toThrow(RangeError);
    expect(packetsOf(embedXmp(PNG, "image/png", `${largest}x`), "image/png")).toEqual([`${largest}x`]);
  });
});
