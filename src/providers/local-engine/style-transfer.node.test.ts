import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { labInto, labOf } from "./lab.ts";
import { createRng } from "./rng.ts";
import { type Palette, paletteOf, transferStyle } from "./style-transfer.ts";

const codec = createNodeCodec();
let photo: Raster;
let hubble: Raster;
beforeAll(async () => {
  photo = await codec.resize(await codec.decode(readFileSync("samples/person-astronaut.png"), "image/png"), 200, 200);
  hubble = await codec.resize(await codec.decode(readFileSync("samples/style-hubble.jpg"), "image/jpeg"), 180, 157);
});

/** Distance of means and deviations on the three axes. */
function paletteDistance(a: Palette, b: Palette): number {
  const axes = ["l", "a", "b"] as const;
  return Math.hypot(...axes.flatMap((axis) => [a[axis].mean - b[axis].mean, a[axis].deviation - b[axis].deviation]));
}

/** A style of two colours in noise-like stripes. */
function twoColours(light: readonly number[], dark: readonly number[]): Raster {
  const data = new Uint8ClampedArray(60 * 60 * 4);
  for (let i = 0; i < 3600; i++) data.set([...((i * 7) % 13 < 6 ? light : dark), 255], i * 4);
  return { width: 60, height: 60, data };
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [(a[i] as number) - ma, (b[i] as number) - mb];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return ab / Math.sqrt(aa * bb);
}

describe("transferStyle", () => {
  const styles = [
    ["the Hubble deep field", () => hubble],
    ["violet and gold", () => twoColours([250, 200, 60], [70, 20, 120])],
    ["forest greens", () => twoColours([150, 200, 120], [10, 60, 40])],
  ] as const;

  it.each(styles)("brings the palette at least a third nearer to %s", (_, style) => {
    const wanted = paletteOf(labOf(style()));
    const before = paletteDistance(paletteOf(labOf(photo)), wanted);
    const after = paletteDistance(paletteOf(labOf(transferStyle(photo, style(), 1, createRng(1)))), wanted);
    expect(after).toBeLessThan(before * 0.67);
  });

  it.each(styles)("leaves the photo recognisable under %s: light and shade stay where they are", (_, style) => {
    const result = transferStyle(photo, style(), 1, createRng(1));
    expect(correlation(labOf(result).l, labOf(photo).l)).toBeGreaterThan(0.95);
  });

  it("changes next to nothing at strength 0, and more the stronger it is", () => {
    const distance = (strength: number) => {
      const result = transferStyle(photo, hubble, strength, createRng(1)).data;
      return result.reduce((sum, value, i) => sum + Math.abs(value - (photo.data[i] as number)), 0) / result.length;
    };
    const [none, half, full] = [distance(0), distance(0.5), distance(1)];
    expect(none).toBeLessThan(1);
    expect(half).toBeGreaterThan(none + 3);
    expect(full).toBeGreaterThan(half + 3);
  });

  it("gives the same pixels for the same seed and others for another", () => {
    const first = transferStyle(photo, hubble, 1, createRng(5));
    expect(transferStyle(photo, hubble, 1, createRng(5)).data).toEqual(first.data);
    expect(transferStyle(photo, hubble, 1, createRng(6)).data).not.toEqual(first.data);
  });
});

describe("labOf and labInto", () => {
  it("agree with the published values of the sRGB primaries", () => {
    const data = new Uint8ClampedArray([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]);
    const { l, a, b } = labOf({ width: 4, height: 1, data });
    const published = [
      [53.24, 80.09, 67.2],
      [87.73, -86.18, 83.18],
      [32.3, 79.19, -107.86],
      [100, 0, 0],
    ];
    published.forEach((colour, i) => {
      [l, a, b].forEach((axis, k) => {
        expect(Math.abs((axis[i] as number) - (colour[k] as number))).toBeLessThan(0.15);
      });
    });
  });

  it("bring every colour of a photo back to within one level", () => {
    const back: Raster = { ...photo, data: photo.data.slice().fill(255) };
    labInto(labOf(photo), back);
    let worst = 0;
    for (let i = 0; i < back.data.length; i++)
      worst = Math.max(worst, Math.abs((back.data[i] as number) - (photo.data[i] as number)));
    expect(worst).toBeLessThanOrEqual(1);
  });
});
