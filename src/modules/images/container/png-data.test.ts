import { expect, it } from "vitest";
import { concat, PROGRESSIVE_JPEG, pngChunk, pngHeader, pngOf, text } from "../../../../test/support/pictures.ts";
import { zlibZeros } from "../../../../test/support/zlib-zeros.ts";
import { overflowsPng } from "./png-data.ts";

function pngWith(header: Uint8Array, ...data: Uint8Array[]) {
  const chunks = data.map((part) => pngChunk("IDAT", part));
  return concat([text("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", header), ...chunks, pngChunk("IEND", new Uint8Array(0))]);
}

it("finds data that inflate to far more than the header's pixels, however they are split", async () => {
  const zeros = zlibZeros(200_000_000);
  const header = pngHeader(100, 100, 8, 2);
  expect(await overflowsPng(pngWith(header, zeros))).toBe(true);
  expect(await overflowsPng(pngWith(header, zeros.subarray(0, 1), zeros.subarray(1)))).toBe(true);
});

it.each([
  [1, 0],
  [8, 3],
  [8, 2],
  [16, 6],
])("takes all that a picture of bit depth %d and colour type %d can need, interlaced or not", async (depth, colour) => {
  const bits = depth * (colour === 6 ? 4 : colour === 2 ? 3 : 1);
  for (const [width, height] of [
    [64, 64],
    [65, 8191],
    [8191, 65],
    [999, 777],
  ] as const) {
    // Adam7: each pass starts at (x, y) and takes every dx-th column of every dy-th row.
    const passes = [
      [0, 0, 8, 8],
      [4, 0, 8, 8],
      [0, 4, 4, 8],
      [2, 0, 4, 4],
      [0, 2, 2, 4],
      [1, 0, 2, 2],
      [0, 1, 1, 2],
    ];
    const sizeOf = ([x = 0, y = 0, dx = 1, dy = 1]: readonly number[]) =>
      Math.ceil((height - y) / dy) * (1 + Math.ceil((Math.ceil((width - x) / dx) * bits) / 8));
    const most = Math.max(
      passes.reduce((sum, pass) => sum + sizeOf(pass), 0),
      sizeOf([]),
    );
    expect(await overflowsPng(pngWith(pngHeader(width, height, depth, colour), zlibZeros(most)))).toBe(false);
  }
});

it("leaves whatever is no PNG, and data that can't be inflated, to the decoder", async () => {
  expect(await overflowsPng(PROGRESSIVE_JPEG)).toBe(false);
  expect(await overflowsPng(pngWith(pngHeader(96, 64, 8, 2), new Uint8Array(4_000).fill(0x78)))).toBe(false);
  expect(await overflowsPng(pngOf(96, 64))).toBe(false);
});
