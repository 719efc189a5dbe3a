import { describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { pngOf, QUADRANT_JPEG } from "../../../test/support/pictures.ts";
import { ImageCodecError, MAX_DECODE_PIXELS } from "../../ports/image-codec.ts";
import type { SourceImage } from "../../ports/image-generator.ts";
import { fitInto } from "./fit-into.ts";
import { shrinkSource, type Transform } from "./prepare-image.ts";

const codec = createNodeCodec();

function source(width: number, height: number): SourceImage {
  return { bytes: pngOf(width, height), mime: "image/png", width, height };
}

/** Shrinks as the IMAGES binding does, rounding the other side up. */
const transform: Transform = async (bytes, { mime, maxSide = 0 }) => {
  const raster = await codec.decode(bytes, "image/png");
  const scale = Math.min(1, maxSide / Math.max(raster.width, raster.height));
  const small = await codec.resize(raster, Math.ceil(raster.width * scale), Math.ceil(raster.height * scale));
  return codec.encode(small, mime);
};
const untouchable: Transform = () => Promise.reject(new Error("not needed"));

describe("shrinkSource", () => {
  it("leaves a picture that is small enough as it is", async () => {
    const image: SourceImage = { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64 };
    expect(await shrinkSource({ transform: untouchable }, image)).toBe(image);
  });

  it.each([
    [2_300, 1_800],
    [2_500, 2_500],
  ])("makes one of %d × %d px small enough to decode, and says its true dimensions", async (width, height) => {
    const small = await shrinkSource({ transform }, source(width, height));
    const raster = await codec.decode(small.bytes, small.mime);
    expect([small.width, small.height]).toEqual([raster.width, raster.height]);
    expect(small.width * small.height).toBeLessThanOrEqual(MAX_DECODE_PIXELS);
    expect(small.width / small.height).toBeCloseTo(width / height, 2);
  });

  it("leaves the short side of a long and heavy picture as long as it must be", async () => {
    const image = source(8_000, 100);
    expect(image.bytes.byteLength).toBeGreaterThan(1_500_000);
    expect(await shrinkSource({ transform }, image)).toMatchObject({ width: 5_120, height: 64 });
  });

  it("does not pass on what came back broken", async () => {
    const broken: Transform = async () => new Uint8Array([1, 2, 3]);
    const work = shrinkSource({ transform: broken }, source(2_300, 1_800));
    await expect(work).rejects.toMatchObject({
      failure: "invalid_input",
      message: expect.stringContaining("not usable"),
    });
  });

  it.each([
    ["the service says that it can't be read", Object.assign(new Error("9412: no picture"), { code: 9412 })],
    ["the codec can't read it", new ImageCodecError("junk")],
  ])("says that a provider can't be given a picture where %s", async (_, error) => {
    const work = shrinkSource({ transform: () => Promise.reject(error) }, source(2_300, 1_800));
    await expect(work).rejects.toMatchObject({ name: "GenerationError", failure: "invalid_input", cause: error });
  });

  it.each([
    ["without a number", new Error("network lost")],
    ["with the number of a spent allowance", Object.assign(new Error("9422: limit reached"), { code: 9422 })],
    ["with the number of a server that is down", Object.assign(new Error("9510: no contact"), { code: 9510 })],
  ])("blames no picture for a service that fails %s", async (_, error) => {
    await expect(shrinkSource({ transform: () => Promise.reject(error) }, source(2_300, 1_800))).rejects.toBe(error);
  });
});

describe("fitInto", () => {
  it("leaves a picture that fits as it is", async () => {
    const image = source(200, 100);
    expect(await fitInto(codec, image, 200)).toBe(image);
  });

  it.each([
    [900, 600, 511, 341],
    [300, 700, 219, 511],
  ])("shrinks %d × %d px to %d × %d px", async (width, height, fitWidth, fitHeight) => {
    const small = await fitInto(codec, source(width, height), 511);
    expect(small).toMatchObject({ mime: "image/jpeg", width: fitWidth, height: fitHeight });
    const raster = await codec.decode(small.bytes, "image/jpeg");
    expect([raster.width, raster.height]).toEqual([fitWidth, fitHeight]);
  });

  it("puts white behind what is transparent", async () => {
    const clear = { bytes: pngOf(600, 600, () => [0, 0, 0, 0]), mime: "image/png", width: 600, height: 600 } as const;
    const small = await fitInto(codec, clear, 511);
    const { data } = await codec.decode(small.bytes, "image/jpeg");
    expect(Math.min(...data.subarray(0, 400))).toBeGreaterThan(250);
  });

  it("refuses what is no picture", async () => {
    const junk = { bytes: new Uint8Array(500), mime: "image/png", width: 600, height: 600 } as const;
    await expect(fitInto(codec, junk, 511)).rejects.toBeInstanceOf(ImageCodecError);
  });
});
