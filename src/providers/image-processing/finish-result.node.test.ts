import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { picturePartsOf } from "../../../test/support/picture-parts.ts";
import {
  ALPHA_WEBP,
  animatedPng,
  animatedWebp,
  concat,
  EXIF_CAMERA,
  indexOf,
  jpegWithTrailer,
  LOSSY_WEBP,
  PROGRESSIVE_JPEG,
  patched,
  pngBomb,
  pngOf,
  QUADRANT_JPEG,
  quadrants,
  svg,
  text,
  truncated,
  withExif,
  withPngChunk,
} from "../../../test/support/pictures.ts";
import { digitalSourceXmp, inspectImage } from "../../modules/images/jobs.ts";
import { IMAGE_MIMES, type ImageMime, MAX_DECODE_PIXELS, type Raster } from "../../ports/image-codec.ts";
import { GenerationError, type ProviderId } from "../../ports/image-generator.ts";
import { orientRaster } from "../jsquash/orient.ts";
import { finishResult } from "./finish-result.ts";
import type { Transform } from "./prepare-image.ts";

const codec = createNodeCodec();

/** What the IMAGES binding does, by the library that stands in for it locally. */
const transform: Transform = async (bytes, { mime, maxSide, quality }) => {
  const resized = sharp(bytes)
    .rotate()
    .resize({ width: maxSide, height: maxSide, fit: "inside", withoutEnlargement: true });
  const format = mime === "image/jpeg" ? "jpeg" : mime === "image/png" ? "png" : "webp";
  return new Uint8Array(await resized.toFormat(format, mime === "image/png" ? {} : { quality }).toBuffer());
};

const untouchable: Transform = () => Promise.reject(new Error("not needed"));

function finish(bytes: Uint8Array, outputMime: ImageMime, provider: ProviderId = "gemini", shrink = untouchable) {
  // What a provider declares is never believed.
  return finishResult({ codec, transform: shrink }, { bytes, mime: "image/webp" }, { outputMime, provider });
}

const GPS = { latitude: 35.69, longitude: 51.42 };
const SOURCES: Readonly<Record<ImageMime, Uint8Array>> = {
  "image/jpeg": QUADRANT_JPEG,
  "image/png": pngOf(96, 64),
  "image/webp": LOSSY_WEBP,
};

/** The XMP packets of a picture, by the parts it is made of. */
function xmpPackets(bytes: Uint8Array, mime: ImageMime): string[] {
  const start = {
    "image/jpeg": "http://ns.adobe.com/xap/1.0/\0",
    "image/png": "XML:com.adobe.xmp\0\0\0\0\0",
    "image/webp": "",
  };
  return picturePartsOf(bytes, mime)
    .filter(({ name, data }) => /APP1|iTXt|XMP/.test(name) && new TextDecoder().decode(data).includes("x:xmpmeta"))
    .map(({ data }) => new TextDecoder().decode(data.subarray(start[mime].length)));
}

/** Everything in the file that is not needed to show it. */
function otherMetadata(bytes: Uint8Array, mime: ImageMime): string[] {
  const shown =
    /^(VP8X|VP8L?|ALPH|ICCP|IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|sBIT|bKGD|pHYs|APP0|APP2|APP14|DQT|DHT|SOF\d|SOS|c0|c1|c2|c4|dd)$/;
  const names = picturePartsOf(bytes, mime).map(({ name }) => name);
  const others = names.filter((name) => !shown.test(name));
  // One of these is the mark.
  const mark = others.findIndex((name) => /^(XMP|iTXt|APP1)$/.test(name));
  return others.filter((_, index) => index !== mark);
}

/** The colours in the middle of the four quadrants, by their nearest name. */
function corners({ width, height, data }: Raster): string[] {
  const names = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255], white: [255, 255, 255] };
  return [
    [0.25, 0.25],
    [0.75, 0.25],
    [0.25, 0.75],
    [0.75, 0.75],
  ].map(([fx = 0, fy = 0]) => {
    const at = (Math.floor(height * fy) * width + Math.floor(width * fx)) * 4;
    const distance = (rgb: number[]) =>
      rgb.reduce((sum, value, i) => sum + Math.abs(value - (data[at + i] as number)), 0);
    return Object.entries(names).reduce(
      (best, [name, rgb]) => (distance(rgb) < distance(best[1]) ? [name, rgb] : best),
      ["none", [999, 999, 999]] as [string, number[]],
    )[0];
  });
}

async function sizeOf(webp: Uint8Array): Promise<[number, number]> {
  const { width, height } = await codec.decode(webp, "image/webp");
  return [width, height];
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "finished",
    (error: unknown) => (error instanceof GenerationError ? error.failure : error),
  );
}

describe.each(IMAGE_MIMES)("a provider's %s", (mime) => {
  const given = withExif(SOURCES[mime], mime, { gps: GPS });

  it.each(IMAGE_MIMES)("becomes a %s with one mark and no other metadata", async (outputMime) => {
    for (const [provider, source] of [
      ["local", "algorithmicallyEnhanced"],
      ["gemini", "compositeWithTrainedAlgorithmicMedia"],
      ["workers-ai", "compositeWithTrainedAlgorithmicMedia"],
    ] as const) {
      const result = await finish(given, outputMime, provider);
      expect(result).toMatchObject({ mime: outputMime, width: 96, height: 64 });
      expect(inspectImage(result.bytes)).toMatchObject({
        ok: true,
        mime: outputMime,
        width: 96,
        height: 64,
        orientation: 1,
      });
      expect(corners(await codec.decode(result.bytes, outputMime))).toEqual(["red", "green", "blue", "white"]);
      expect(xmpPackets(result.bytes, outputMime)).toEqual([digitalSourceXmp(source)]);
      expect(otherMetadata(result.bytes, outputMime)).toEqual([]);
      for (const file of [result.bytes, result.thumbnail, result.smallThumbnail]) {
        expect(indexOf(file, ...text(EXIF_CAMERA))).toBe(-1);
      }
      expect(indexOf(result.thumbnail, ...text("xmpmeta"))).toBe(-1);
    }
  });

  it("keeps its very pixels where the format is the one asked for", async () => {
    const result = await finish(given, mime);
    expect((await codec.decode(result.bytes, mime)).data).toEqual((await codec.decode(SOURCES[mime], mime)).data);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("is turned upright from orientation %d", async (orientation) => {
    const turned = withExif(SOURCES[mime], mime, { orientation });
    const expected = orientRaster(await codec.decode(SOURCES[mime], mime), orientation);
    for (const outputMime of IMAGE_MIMES) {
      const result = await finish(turned, outputMime);
      const raster = await codec.decode(result.bytes, outputMime);
      expect([result.width, result.height]).toEqual([expected.width, expected.height]);
      expect([raster.width, raster.height]).toEqual([expected.width, expected.height]);
      for (const picture of [raster, await codec.decode(result.thumbnail, "image/webp")]) {
        expect(corners(picture)).toEqual(corners(expected));
      }
    }
  });
});

it("replaces a mark and a comment that the provider made itself", async () => {
  const theirs = withPngChunk(pngOf(96, 64), "tEXt", text("Software\0A model"));
  const marked = (await finish(theirs, "image/png", "local")).bytes;
  const result = await finish(marked, "image/png", "gemini");
  expect(xmpPackets(result.bytes, "image/png")).toEqual([digitalSourceXmp("compositeWithTrainedAlgorithmicMedia")]);
  expect(indexOf(result.bytes, ...text("A model"))).toBe(-1);
});

it.each(["image/jpeg", "image/png", "image/webp"] as const)(
  "puts white behind what is transparent only where %s can't be",
  async (outputMime) => {
    const { bytes } = await finish(ALPHA_WEBP, outputMime);
    const { data } = await codec.decode(bytes, outputMime);
    const alphas = new Set(data.filter((_, i) => i % 4 === 3));
    expect(alphas.size > 1).toBe(outputMime !== "image/jpeg");
  },
);

it("finishes a progressive picture", async () => {
  expect(corners(await codec.decode((await finish(PROGRESSIVE_JPEG, "image/jpeg")).bytes, "image/jpeg"))).toEqual([
    "red",
    "green",
    "blue",
    "white",
  ]);
});

describe("thumbnails", () => {
  it.each([
    ["landscape", 1_200, 800, [512, 341], [256, 171]],
    ["portrait", 700, 1_400, [256, 512], [128, 256]],
    ["between the two", 300, 200, [300, 200], [256, 171]],
    ["small", 100, 80, [100, 80], [100, 80]],
    ["long", 2_000, 64, [512, 16], [256, 8]],
  ] as const)(
    "of a %s picture fit 512 and 256 px, are never enlarged and are no heavier than needed",
    async (_, width, height, large, small) => {
      const result = await finish(pngOf(width, height), "image/jpeg");
      expect(await sizeOf(result.thumbnail)).toEqual(large);
      expect(await sizeOf(result.smallThumbnail)).toEqual(small);
      expect(result.smallThumbnail.byteLength).toBeLessThanOrEqual(result.thumbnail.byteLength);
    },
  );

  it("show the same picture", async () => {
    const result = await finish(pngOf(900, 600), "image/jpeg");
    for (const thumbnail of [result.thumbnail, result.smallThumbnail]) {
      expect(corners(await codec.decode(thumbnail, "image/webp"))).toEqual(["red", "green", "blue", "white"]);
    }
  });
});

describe("a picture that is too large", () => {
  it.each([
    [2_500, 2_500, "image/jpeg"],
    [2_048, 2_048, "image/png"],
    [2_600, 1_700, "image/webp"],
    [5_000, 400, "image/jpeg"],
  ] as const)("of %d × %d px is shrunk to a sensible %s in its proportions", async (width, height, outputMime) => {
    const result = await finish(pngOf(width, height), outputMime, "gemini", transform);
    expect(Math.max(result.width, result.height)).toBeLessThanOrEqual(2_048);
    expect(result.width * result.height).toBeLessThanOrEqual(MAX_DECODE_PIXELS);
    expect(Math.abs(result.width / result.height - width / height)).toBeLessThan(0.02 * (width / height));
    expect(corners(await codec.decode(result.bytes, outputMime))).toEqual(["red", "green", "blue", "white"]);
    expect(xmpPackets(result.bytes, outputMime)).toHaveLength(1);
    expect(otherMetadata(result.bytes, outputMime)).toEqual([]);
  });

  it.each([
    [64, 8_192, 64, 8_192],
    [8_000, 100, 5_120, 64],
  ])("but thin, of %d × %d px, keeps its sides at least 64 px long", async (width, height, toWidth, toHeight) => {
    const result = await finish(pngOf(width, height), "image/jpeg", "local", transform);
    expect([result.width, result.height]).toEqual([toWidth, toHeight]);
  });

  it("is turned upright on the way", async () => {
    const turned = withExif(pngOf(2_600, 1_700), "image/png", { orientation: 6 });
    const result = await finish(turned, "image/jpeg", "gemini", transform);
    expect(result.width).toBeLessThan(result.height);
    const expected = corners(orientRaster(await codec.decode(pngOf(96, 64), "image/png"), 6));
    expect(corners(await codec.decode(result.bytes, "image/jpeg"))).toEqual(expected);
  });

  it("has white behind what was transparent when it becomes a JPEG", async () => {
    const clear = pngOf(2_500, 1_700, () => [0, 0, 0, 0]);
    const { bytes } = await finish(clear, "image/jpeg", "gemini", transform);
    const { data } = await codec.decode(bytes, "image/jpeg");
    expect(Math.min(...data.subarray(0, 400))).toBeGreaterThan(250);
  });

  it("is an error of ours when it comes back as large as it was", async () => {
    const given = pngOf(2_100, 2_000);
    await expect(finish(given, "image/png", "gemini", async () => given)).rejects.toThrow("not shrunk");
  });

  it("is no picture when it can't be read outside, and an error of ours when nobody could look", async () => {
    const given = pngOf(2_100, 2_000);
    const verdict = () => Promise.reject(Object.assign(new Error("bad picture"), { code: 9412 }));
    expect(await failureOf(finish(given, "image/png", "gemini", verdict))).toBe("no_image");
    await expect(finish(given, "image/png", "gemini", () => Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  });
});

describe("an answer that nobody could use is no picture:", () => {
  const scrambled = patched(pngOf(96, 64), indexOf(pngOf(96, 64), ...text("IDAT")) + 20, 1, 2, 3, 4);
  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["words", text("I can't help with that.")],
    ["a drawing", svg],
    ["a web page", text("<!doctype html><title>Bad gateway</title>")],
    ["one pixel", pngOf(1, 1)],
    ["a strip of 63 px", pngOf(400, 63, quadrants(400, 63))],
    ["half a JPEG", truncated(QUADRANT_JPEG)],
    ["half a PNG", truncated(pngOf(96, 64))],
    ["half a WebP", truncated(LOSSY_WEBP)],
    ["damaged pixels", scrambled],
    ["a bomb", pngBomb()],
    ["a film", animatedWebp()],
    ["an animation", animatedPng()],
    ["a picture with a web page behind it", jpegWithTrailer(QUADRANT_JPEG, "<script>alert(1)</script>")],
    [
      "a picture of more pixels than it has data for",
      patched(QUADRANT_JPEG, indexOf(QUADRANT_JPEG, 0xff, 0xc0) + 5, 0, 40, 0, 40),
    ],
    ["an archive", concat([text("PK\x03\x04"), new Uint8Array(200)])],
  ])("%s", async (_, bytes) => {
    for (const outputMime of IMAGE_MIMES) expect(await failureOf(finish(bytes, outputMime))).toBe("no_image");
  });
});
