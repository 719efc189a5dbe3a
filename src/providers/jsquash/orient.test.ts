import { describe, expect, it } from "vitest";
import type { Raster } from "../../ports/image-codec.ts";
import { orientRaster } from "./orient.ts";

/** Rows of one-letter pixels; the letter is in the red channel. */
function letters(...rows: string[]): Raster {
  const width = rows[0]?.length ?? 0;
  const data = new Uint8ClampedArray(width * rows.length * 4).fill(255);
  [...rows.join("")].forEach((letter, i) => {
    data[i * 4] = letter.charCodeAt(0);
  });
  return { width, height: rows.length, data };
}

function rowsOf({ width, height, data }: Raster): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => String.fromCharCode(data[(y * width + x) * 4] as number)).join(""),
  );
}

describe("orientRaster", () => {
  // The upright picture is ABC over DEF; each case is how a camera stores it under that orientation.
  it.each([
    [1, ["ABC", "DEF"]],
    [2, ["CBA", "FED"]],
    [3, ["FED", "CBA"]],
    [4, ["DEF", "ABC"]],
    [5, ["AD", "BE", "CF"]],
    [6, ["CF", "BE", "AD"]],
    [7, ["FC", "EB", "DA"]],
    [8, ["DA", "EB", "FC"]],
  ])("gives upright pixels for EXIF orientation %i", (orientation, stored) => {
    const upright = orientRaster(letters(...stored), orientation);
    expect(rowsOf(upright)).toEqual(["ABC", "DEF"]);
  });

  it("keeps all four channels of a pixel together", () => {
    const pixels: Raster = { width: 2, height: 1, data: new Uint8ClampedArray([1, 2, 3, 4, 5, 6, 7, 8]) };
    expect([...orientRaster(pixels, 2).data]).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
  });

  it("reads pixels that don't begin at a multiple of four bytes", () => {
    const shifted = new Uint8ClampedArray([0, 1, 2, 3, 4, 5, 6, 7, 8]).subarray(1);
    expect([...orientRaster({ width: 1, height: 2, data: shifted }, 4).data]).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
  });

  it.each([0, 9, -1, Number.NaN])("takes the unknown orientation %s as upright", (orientation) => {
    expect(rowsOf(orientRaster(letters("AB"), orientation))).toEqual(["AB"]);
  });
});
