import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { findPreset, STYLE_PRESETS } from "./presets.ts";
import { createRng } from "./rng.ts";

const codec = createNodeCodec();
let photo: Raster;
beforeAll(async () => {
  const whole = await codec.decode(readFileSync("samples/person-astronaut.png"), "image/png");
  photo = await codec.resize(whole, 200, 160);
});

function meanDifference(a: Raster, b: Raster): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Math.abs((a.data[i] as number) - (b.data[i] as number));
  return sum / a.data.length;
}

const ids = STYLE_PRESETS.map(({ id }) => id);
const paint = (id: string, seed: number, raster = photo, strength?: number) => {
  const rng = createRng(seed);
  return findPreset(id)?.apply(raster, strength === undefined ? { rng } : { rng, strength }) as Raster;
};

describe("the style catalogue", () => {
  it("paints the nine presets the API names", () => {
    expect(ids).toEqual(["sketch", "ink", "oil", "cartoon", "watercolor", "noir", "vintage", "duotone", "pop-art"]);
  });

  it("doesn't find an unknown preset", () => {
    expect(findPreset("toString")).toBeNull();
  });

  it("has no two presets that look alike", () => {
    const pictures = ids.map((id) => paint(id, 1));
    for (const [i, a] of pictures.entries()) {
      for (const b of pictures.slice(i + 1)) expect(meanDifference(a, b)).toBeGreaterThan(8);
    }
  });
});

describe.each(ids)("preset %s", (id) => {
  it("changes the picture visibly, keeps its size and leaves the input alone", () => {
    const before = photo.data.slice();
    const styled = paint(id, 1);
    expect([styled.width, styled.height, styled.data.length]).toEqual([photo.width, photo.height, photo.data.length]);
    expect(meanDifference(styled, photo)).toBeGreaterThan(5);
    expect(photo.data).toEqual(before);
  });

  it("gives the same pixels for the same seed and others for another", () => {
    const first = paint(id, 7);
    expect(paint(id, 7).data).toEqual(first.data);
    expect(meanDifference(paint(id, 8), first)).toBeGreaterThan(0.02);
  });

  it("keeps the alpha channel", () => {
    const clear: Raster = { ...photo, data: photo.data.map((value, i) => (i % 4 === 3 ? (i * 7) % 256 : value)) };
    const styled = paint(id, 1, clear);
    expect(styled.data.filter((_, i) => i % 4 === 3)).toEqual(clear.data.filter((_, i) => i % 4 === 3));
  });

  it("fades into the photo as strength falls to 0", () => {
    const full = meanDifference(paint(id, 1), photo);
    const half = meanDifference(paint(id, 1, photo, 0.5), photo);
    expect(paint(id, 1, photo, 0).data).toEqual(photo.data);
    expect(half).toBeGreaterThan(full * 0.4);
    expect(half).toBeLessThan(full * 0.6);
  });

  it.each([
    [1, 1],
    [1, 40],
    [40, 1],
    [3, 2],
  ])("paints a picture of %i × %i pixels", (width, height) => {
    const tiny: Raster = { width, height, data: new Uint8ClampedArray(width * height * 4).fill(200) };
    expect(paint(id, 1, tiny).data.length).toBe(width * height * 4);
  });
});
