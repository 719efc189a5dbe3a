import type { Raster } from "../../ports/image-codec.ts";

/**
 * Turns stored pixels upright.
 *
 * @param orientation EXIF tag 0x0112 (Exif 2.3 §4.6.4): 1 upright, 2 mirrored, 3 upside down, 4 flipped, 5 transposed,
 * 6 to be turned right, 7 transposed the other way, 8 to be turned left. Other values count as 1.
 * @returns width and height exchanged for 5–8; the same raster for 1.
 */
export function orientRaster(raster: Raster, orientation: number): Raster {
  const { width: w, height: h } = raster;
  // The source index of the result's first pixel, and the steps in the source for one pixel right and one down.
  const walks: Record<number, readonly [start: number, right: number, down: number]> = {
    2: [w - 1, -1, w],
    3: [w * h - 1, -1, -w],
    4: [w * (h - 1), 1, -w],
    5: [0, w, 1],
    6: [w * (h - 1), -w, 1],
    7: [w * h - 1, -w, -1],
    8: [w - 1, w, -1],
  };
  const walk = walks[orientation];
  if (!walk) return raster;
  const [start, right, down] = walk;
  const width = orientation >= 5 ? h : w;
  const height = orientation >= 5 ? w : h;
  const source = pixelsOf(raster.data);
  const target = new Uint32Array(w * h);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = start + y * down; x < width; x++, from += right) target[to++] = source[from] as number;
  }
  return { width, height, data: new Uint8ClampedArray(target.buffer) };
}

/** One number a pixel; bytes that don't begin at a multiple of four are copied. */
function pixelsOf(data: Uint8ClampedArray<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
