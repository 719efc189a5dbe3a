import { describe, expect, it } from "vitest";
import type { Raster } from "../../ports/image-codec.ts";
import { resample } from "./resample.ts";

function raster(width: number, height: number, pixel: (x: number, y: number) => readonly number[]): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set(pixel(i % width, Math.floor(i / width)), i * 4);
  return { width, height, data };
}

const at = ({ width, data }: Raster, x: number, y: number) => [
  ...data.subarray((y * width + x) * 4, (y * width + x + 1) * 4),
];

describe("resample", () => {
  it.each([
    [7, 3],
    [1, 1],
    [97, 5],
    [4, 200],
  ])("gives exactly %i × %i pixels and leaves one flat colour as it is", (width, height) => {
    const result = resample(
      raster(31, 17, () => [200, 100, 50, 255]),
      width,
      height,
    );
    expect([result.width, result.height, result.data.length]).toEqual([width, height, width * height * 4]);
    expect(at(result, width - 1, height - 1)).toEqual([200, 100, 50, 255]);
  });

  it("doesn't let the colour hidden under transparent pixels bleed into their neighbours", () => {
    const half = raster(64, 8, (x) => (x < 32 ? [255, 0, 0, 255] : [0, 255, 0, 0]));
    const small = resample(half, 16, 2);
    for (let x = 0; x < 16; x++) {
      const [red, green, , alpha] = at(small, x, 0) as [number, number, number, number];
      if (alpha > 8) expect([red, green]).toEqual([255, 0]);
    }
    expect(at(small, 2, 0)[3]).toBe(255);
    expect(at(small, 14, 0)[3]).toBe(0);
  });

  it("keeps a smooth gradient smooth and in place", () => {
    const ramp = raster(256, 4, (x) => [x, x, x, 255]);
    const small = resample(ramp, 64, 1);
    for (let x = 2; x < 62; x++)
      expect(Math.abs((at(small, x, 0)[0] as number) - (x * 4 + 1.5))).toBeLessThanOrEqual(1);
  });

  it("averages detail too fine for the result instead of aliasing it", () => {
    const stripes = raster(400, 4, (x) => (x % 2 === 0 ? [0, 0, 0, 255] : [255, 255, 255, 255]));
    const small = resample(stripes, 90, 1);
    for (let x = 4; x < 86; x++) expect(Math.abs((at(small, x, 0)[0] as number) - 127.5)).toBeLessThan(12);
  });
});
