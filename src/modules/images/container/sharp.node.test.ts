import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import {
  ALPHA_WEBP,
  LOSSLESS_WEBP,
  LOSSY_WEBP,
  PROGRESSIVE_JPEG,
  pngBomb,
  pngOf,
  QUADRANT_JPEG,
  withExif,
} from "../../../../test/support/pictures.ts";
import type { ImageMime } from "../../../ports/image-codec.ts";
import { inspectImage } from "./inspect.ts";
import { stripMetadata } from "./strip-metadata.ts";
import { DIGITAL_SOURCE_TYPE_XMP, embedXmp } from "./xmp.ts";

// libvips, an independent reader and writer of the three types, is the oracle.
const sample = (name: string) => new Uint8Array(readFileSync(new URL(`../../../../samples/${name}`, import.meta.url)));
const gps = { latitude: 52.52, longitude: 13.405 };
const PICTURES: readonly (readonly [string, ImageMime, Uint8Array])[] = [
  ["baseline JPEG", "image/jpeg", QUADRANT_JPEG],
  ["progressive JPEG", "image/jpeg", PROGRESSIVE_JPEG],
  ["RGB PNG", "image/png", pngOf(96, 64)],
  ["RGBA PNG", "image/png", pngOf(96, 64, (x, y) => [x, y, 7, 255 - x])],
  ["one-bit PNG", "image/png", pngBomb(96, 64)],
  ["lossy WebP", "image/webp", LOSSY_WEBP],
  ["lossless WebP", "image/webp", LOSSLESS_WEBP],
  ["extended WebP", "image/webp", ALPHA_WEBP],
  ["astronaut.png", "image/png", sample("person-astronaut.png")],
  ["tshirt.png", "image/png", sample("garment-tshirt.png")],
  ["hubble.jpg", "image/jpeg", sample("style-hubble.jpg")],
];

async function pixelsOf(bytes: Uint8Array): Promise<Buffer> {
  return sharp(bytes).raw().toBuffer();
}

describe("against libvips", () => {
  it.each(PICTURES)("agrees on type, size and alpha of %s", async (_, mime, bytes) => {
    const { width, height, format, hasAlpha } = await sharp(bytes).metadata();
    expect(`image/${format}`).toBe(mime);
    expect(inspectImage(bytes)).toMatchObject({ ok: true, mime, width, height, hasAlpha });
  });

  it.each(PICTURES)("agrees on all eight orientations of %s", async (_, mime, bytes) => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      for (const littleEndian of [false, true]) {
        const turned = withExif(bytes, mime, { orientation, gps, littleEndian });
        const { autoOrient, ...metadata } = await sharp(turned).metadata();
        expect(metadata.orientation).toBe(orientation);
        expect(inspectImage(turned)).toMatchObject({
          orientation,
          uprightWidth: autoOrient.width,
          uprightHeight: autoOrient.height,
        });
      }
    }
  });

  it.each(["jpeg", "png", "webp"] as const)("reads the orientation that libvips writes into %s", async (format) => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const bytes = await sharp(QUADRANT_JPEG).withMetadata({ orientation }).toFormat(format).toBuffer();
      expect(inspectImage(bytes)).toMatchObject({ ok: true, mime: `image/${format}`, orientation });
    }
  });

  it.each(PICTURES)("strips all metadata from %s and no pixel", async (_, mime, bytes) => {
    const leaky = embedXmp(withExif(bytes, mime, { orientation: 6, gps }), mime, DIGITAL_SOURCE_TYPE_XMP);
    expect(await sharp(leaky).metadata()).toMatchObject({
      orientation: 6,
      exif: expect.anything(),
      xmp: expect.anything(),
    });
    const stripped = stripMetadata(leaky, mime);
    const metadata = await sharp(stripped).metadata();
    expect(metadata).not.toHaveProperty("exif");
    expect(metadata).not.toHaveProperty("xmp");
    expect(metadata).not.toHaveProperty("iptc");
    expect(metadata).not.toHaveProperty("comments");
    expect(metadata.orientation ?? 1).toBe(1);
    expect((await pixelsOf(stripped)).equals(await pixelsOf(bytes))).toBe(true);
  });

  it.each(PICTURES)("hands %s to a rotator that turns it upright by the orientation kept", async (_, mime, bytes) => {
    for (const orientation of [2, 3, 4, 5, 6, 7, 8]) {
      const turned = stripMetadata(withExif(bytes, mime, { orientation: 1, gps }), mime, { orientation });
      const expected = await sharp(withExif(bytes, mime, { orientation }))
        .autoOrient()
        .raw()
        .toBuffer();
      expect((await sharp(turned).autoOrient().raw().toBuffer()).equals(expected)).toBe(true);
    }
  });

  it.each(PICTURES)("embeds XMP in %s that libvips reads, and no pixel changes", async (_, mime, bytes) => {
    const labelled = embedXmp(bytes, mime, DIGITAL_SOURCE_TYPE_XMP);
    const { xmp } = await sharp(labelled).metadata();
    expect(xmp?.toString("utf8")).toBe(DIGITAL_SOURCE_TYPE_XMP);
    expect((await pixelsOf(labelled)).equals(await pixelsOf(bytes))).toBe(true);
  });

  it("keeps colour profiles through stripping in all types", async () => {
    for (const format of ["jpeg", "png", "webp"] as const) {
      const bytes = await sharp(QUADRANT_JPEG).withIccProfile("p3").toFormat(format).toBuffer();
      const { icc } = await sharp(stripMetadata(bytes, `image/${format}`)).metadata();
      expect(icc).toEqual((await sharp(bytes).metadata()).icc);
      expect(icc?.length).toBeGreaterThan(0);
    }
  });

  it("accepts whatever kinds of the three types libvips writes", async () => {
    const picture = sharp(pngOf(96, 64, (x, y) => [x, y, 7, 255 - x]));
    const files = await Promise.all([
      picture.clone().jpeg({ mozjpeg: true }).toBuffer(),
      picture.clone().jpeg({ progressive: true, quality: 1 }).toBuffer(),
      picture.clone().greyscale().jpeg().toBuffer(),
      picture.clone().png({ palette: true }).toBuffer(),
      picture.clone().png({ progressive: true }).toBuffer(),
      picture.clone().toColourspace("rgb16").png().toBuffer(),
      picture.clone().greyscale().png().toBuffer(),
      picture.clone().webp({ nearLossless: true }).toBuffer(),
      picture.clone().webp({ quality: 1, alphaQuality: 1 }).toBuffer(),
      sharp({ create: { width: 4000, height: 4000, channels: 3, background: "white" } })
        .jpeg({ mozjpeg: true })
        .toBuffer(),
      sharp({ create: { width: 4000, height: 4000, channels: 3, background: "white" } })
        .jpeg({ optimiseCoding: true })
        .toBuffer(),
      sharp({ create: { width: 4000, height: 4000, channels: 3, background: "white" } })
        .png({ compressionLevel: 9 })
        .toBuffer(),
    ]);
    for (const bytes of files) {
      expect(inspectImage(bytes)).toMatchObject({ ok: true });
      const mime = `image/${(await sharp(bytes).metadata()).format}` as ImageMime;
      expect((await pixelsOf(stripMetadata(bytes, mime))).equals(await pixelsOf(bytes))).toBe(true);
    }
  });

  it("refuses what libvips writes as CMYK JPEG, HEIF, GIF and animated WebP", async () => {
    const frames = sharp([await sharp(QUADRANT_JPEG).toBuffer(), await sharp(QUADRANT_JPEG).negate().toBuffer()], {
      join: { animated: true },
    });
    const refusals = await Promise.all([
      sharp(QUADRANT_JPEG).toColourspace("cmyk").jpeg().toBuffer(),
      sharp(QUADRANT_JPEG).avif().toBuffer(),
      sharp(QUADRANT_JPEG).gif().toBuffer(),
      frames.webp().toBuffer(),
    ]);
    expect(refusals.map((bytes) => inspectImage(bytes))).toEqual([
      { ok: false, error: "invalid", reason: expect.stringContaining("CMYK") },
      { ok: false, error: "unsupported", reason: expect.stringContaining("AVIF") },
      { ok: false, error: "unsupported", reason: expect.stringContaining("GIF") },
      { ok: false, error: "invalid", reason: expect.stringContaining("Animated") },
    ]);
  });
});
