import { expect, it } from "vitest";
import { shrunkSide } from "./shrunk-side.ts";

const limits = { maxSide: 2_048, maxPixels: 4_000_000 };

/** Pixels where whoever shrinks rounds the other side up. */
function pixelsAt(side: number, width: number, height: number): number {
  return side * Math.ceil((side * Math.min(width, height)) / Math.max(width, height));
}

it("keeps every size within the pixels, however the other side is rounded, and as large as that allows", () => {
  for (let width = 64; width <= 8_192; width += 173) {
    for (let height = 64; height <= 8_192; height += 211) {
      const side = shrunkSide({ width, height }, limits);
      const long = Math.max(width, height);
      const about = `${width}×${height} → ${side}`;
      expect(side, about).toBeLessThanOrEqual(Math.min(long, limits.maxSide));
      expect(pixelsAt(side, width, height), about).toBeLessThanOrEqual(limits.maxPixels);
      const isLargest = side === Math.min(long, limits.maxSide) || pixelsAt(side + 1, width, height) > limits.maxPixels;
      expect(isLargest, about).toBe(true);
    }
  }
});

it("leaves a picture that fits at its size", () => {
  expect(shrunkSide({ width: 2_000, height: 2_000 }, limits)).toBe(2_000);
  expect(shrunkSide({ width: 64, height: 300 }, limits)).toBe(300);
});

it("leaves the other side of a long and thin picture as long as it must be", () => {
  expect(shrunkSide({ width: 64, height: 8_192 }, { ...limits, minSide: 64 })).toBe(8_192);
  expect(shrunkSide({ width: 8_192, height: 100 }, { ...limits, minSide: 64 })).toBe(5_243);
  expect(shrunkSide({ width: 8_192, height: 400 }, { ...limits, minSide: 64 })).toBe(2_048);
});

it("goes below the square root where rounding up would be too much", () => {
  const roomy = { maxSide: 8_192, maxPixels: 4_000_000 };
  const side = shrunkSide({ width: 4_000, height: 1_001 }, roomy);
  expect(pixelsAt(side, 4_000, 1_001)).toBeLessThanOrEqual(4_000_000);
});
