import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partNamesOf } from "../../../../test/support/picture-parts.ts";
import {
  ALPHA_WEBP,
  animatedWebp,
  concat,
  exifTiff,
  LOSSLESS_WEBP,
  LOSSY_WEBP,
  motionPhotoFilm,
  PROGRESSIVE_JPEG,
  pngBomb,
  pngChunk,
  pngOf,
  QUADRANT_JPEG,
  samsungTrailer,
  text,
  withExif,
  withJpegSegment,
} from "../../../../test/support/pictures.ts";
import { IMAGE_MIMES } from "../../../ports/image-codec.ts";
import { inspectImage } from "./inspect.ts";
import { stripMetadata } from "./strip-metadata.ts";
import { embedXmp } from "./xmp.ts";

const WHOLE = [
  QUADRANT_JPEG,
  PROGRESSIVE_JPEG,
  withExif(QUADRANT_JPEG, "image/jpeg", { orientation: 6, gps: { latitude: 1, longitude: 2 } }),
  pngOf(64, 64),
  pngBomb(96, 64),
  withExif(pngBomb(96, 64), "image/png", { orientation: 6 }),
  LOSSY_WEBP,
  LOSSLESS_WEBP,
  ALPHA_WEBP,
  withExif(LOSSY_WEBP, "image/webp", { orientation: 6 }),
];
const SEEDS = [
  ...WHOLE,
  animatedWebp(),
  concat([QUADRANT_JPEG, motionPhotoFilm(), samsungTrailer()]),
  concat([QUADRANT_JPEG, PROGRESSIVE_JPEG]),
];

/** A seed with bytes overwritten, a piece repeated or cut out, and its end cut off. */
const mutated = fc
  .record({
    seed: fc.constantFrom(...SEEDS),
    edits: fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0xd8, 0xd9, 0xda))), {
      maxLength: 6,
    }),
    from: fc.nat(),
    length: fc.nat(40),
    repeats: fc.nat(3),
    keep: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  })
  .map(({ seed, edits, from, length, repeats, keep }) => {
    const at = from % seed.length;
    const piece = seed.subarray(at, at + length);
    const bytes = concat([seed.subarray(0, at), ...Array<Uint8Array>(repeats).fill(piece), seed.subarray(at + length)]);
    for (const [index, byte] of edits) bytes[index % bytes.length] = byte;
    return bytes.subarray(0, Math.ceil(bytes.length * keep));
  });
/** Noise, alone and behind the first bytes of each type. */
const noise = fc
  .tuple(
    fc.constantFrom("", "\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "RIFF\x40\0\0\0WEBPVP8X"),
    fc.uint8Array({ maxLength: 300 }),
  )
  .map(([lead, bytes]) => concat([text(lead), bytes]));

/** Sound parts of each type in any number and order, with checksums and sizes that fit. */
const [firstPng, jpegScan] = [
  pngBomb(96, 64),
  QUADRANT_JPEG.findIndex((byte, at) => byte === 0xff && QUADRANT_JPEG[at + 1] === 0xda),
];
const [exif, segmented] = [exifTiff({ orientation: 6 }), QUADRANT_JPEG.subarray(0, 2)];
const jpegPieces = [
  QUADRANT_JPEG.subarray(2, jpegScan),
  QUADRANT_JPEG.subarray(jpegScan, -2),
  ...[0xe0, 0xe1, 0xe2, 0xee, 0xfe].map((marker) =>
    withJpegSegment(segmented, marker, text("JFIF\0\x01\x02\x01\0\x48\0\x48\x01\x01rgb")).subarray(2),
  ),
  withJpegSegment(segmented, 0xe1, concat([text("Exif\0\0"), exif])).subarray(2),
  withJpegSegment(segmented, 0xe2, text("ICC_PROFILE\0\x01\x01")).subarray(2),
];
const pngPieces = [
  firstPng.subarray(8, 33),
  firstPng.subarray(33, -12),
  pngChunk("eXIf", exif),
  ...["PLTE", "tRNS", "gAMA", "iTXt", "quQq", "IEND"].map((type) => pngChunk(type, text("XML:com.adobe.xmp\0"))),
];
const webpPieces = [
  LOSSY_WEBP.subarray(12),
  LOSSLESS_WEBP.subarray(12),
  ALPHA_WEBP.subarray(12, 30),
  ALPHA_WEBP.subarray(30),
  ...["ICCP", "ALPH", "EXIF", "XMP ", "JUNK"].map((type) => concat([text(`${type}\x46\0\0\0`), exif])),
  concat([text("VP8X\x0a\0\0\0\x3c\0\0\0"), ALPHA_WEBP.subarray(24, 30)]),
];
const chain = (lead: Uint8Array, pieces: readonly Uint8Array[], count: number) =>
  fc
    .tuple(
      fc.array(fc.constantFrom(...pieces), { maxLength: 3 }),
      fc.array(fc.constantFrom(...pieces), { maxLength: 4 }),
    )
    .map(([before, after]) => concat([lead, ...before, ...pieces.slice(0, count), ...after]));
const assembled = fc.oneof(
  chain(QUADRANT_JPEG.subarray(0, 2), jpegPieces, 2).map((bytes) => concat([bytes, text("\xff\xd9")])),
  chain(firstPng.subarray(0, 8), pngPieces, 2).map((bytes) => concat([bytes, firstPng.subarray(-12)])),
  chain(text("RIFF\0\0\0\0WEBP"), webpPieces, 1).map((bytes) => {
    new DataView(bytes.buffer).setUint32(4, bytes.length - 8, true);
    return bytes;
  }),
);

/** What must hold for any bytes at all. */
function expectSoundAnswers(bytes: Uint8Array): void {
  const copy = bytes.slice();
  const found = inspectImage(bytes);
  if (!found.ok) expect(found.reason).toMatch(/\.$/);
  for (const mime of IMAGE_MIMES) {
    const stripped = stripMetadata(bytes, mime);
    const turned = stripMetadata(bytes, mime, { orientation: 6 });
    const labelled = embedXmp(bytes, mime, "<x/>");
    if (!found.ok || found.mime !== mime) continue;
    const { width, height, hasAlpha } = found;
    const same = { ok: true, mime, width, height, hasAlpha };
    expect(inspectImage(stripped)).toMatchObject({ ...same, orientation: 1 });
    expect(inspectImage(turned)).toMatchObject({ ...same, orientation: 6 });
    expect(inspectImage(labelled)).toMatchObject({ ...same, orientation: found.orientation });
    expect(partNamesOf(stripped, mime).join()).not.toMatch(/APP1\b|eXIf|EXIF|XMP|iTXt|tEXt/);
    expect(stripMetadata(stripped, mime)).toEqual(stripped);
  }
  expect(bytes).toEqual(copy);
}

describe("hostile input", () => {
  it("gets an answer and sound rewrites, never an exception, when it is noise", () => {
    fc.assert(fc.property(noise, expectSoundAnswers), { numRuns: 3000 });
  });

  it("gets an answer and sound rewrites, never an exception, when it is a picture mutated", () => {
    fc.assert(fc.property(mutated, expectSoundAnswers), { numRuns: 5000 });
  });

  it("gets an answer and sound rewrites, never an exception, when it is sound parts wrongly put together", () => {
    fc.assert(fc.property(assembled, expectSoundAnswers), { numRuns: 5000 });
  });

  it.each(WHOLE.map((bytes, index) => [index, bytes] as const))(
    "is refused for every proper prefix of picture %i",
    (_, bytes) => {
      expect(inspectImage(bytes)).toMatchObject({ ok: true });
      const accepted = Array.from(bytes.keys()).filter((length) => inspectImage(bytes.subarray(0, length)).ok);
      expect(accepted).toEqual([]);
    },
  );

  it("is read in its own bounds when it is a view into a larger buffer", () => {
    const behind = concat([text("junk"), QUADRANT_JPEG, text("<html>")]);
    expect(inspectImage(behind.subarray(4, 4 + QUADRANT_JPEG.length))).toMatchObject({ ok: true });
    expect(inspectImage(behind.subarray(4, 3 + QUADRANT_JPEG.length))).toMatchObject({ ok: false });
  });

  it.each<[string, (size: number) => Uint8Array]>([
    ["padding", (size) => concat([QUADRANT_JPEG, new Uint8Array(size)])],
    [
      "fill bytes",
      (size) => concat([QUADRANT_JPEG.subarray(0, 2), new Uint8Array(size).fill(255), QUADRANT_JPEG.subarray(2)]),
    ],
    ["pictures behind the first", (size) => concat(Array<Uint8Array>(size / QUADRANT_JPEG.length).fill(QUADRANT_JPEG))],
    [
      "stuffed bytes",
      (size) =>
        concat([
          QUADRANT_JPEG.subarray(0, -2),
          new Uint8Array(size).map((_, i) => (i % 2 ? 0 : 255)),
          text("\xff\xd9"),
        ]),
    ],
    [
      "boxes",
      (size) => concat([QUADRANT_JPEG, motionPhotoFilm(), ...Array<Uint8Array>(size / 8).fill(text("\0\0\0\x08free"))]),
    ],
  ])("is read in linear time when it is 10 MB of %s", (_, build) => {
    const bytes = build(406 * 25_600);
    const start = performance.now();
    expect(inspectImage(bytes)).toMatchObject({ ok: true });
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
