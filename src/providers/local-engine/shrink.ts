import type { Raster } from "../../ports/image-codec.ts";
import { createPlane, type Plane } from "./plane.ts";

/** Means of factor × factor blocks; a rest at the right and bottom is left out. */
export function shrunk(raster: Raster, factor: number): Raster {
  if (factor === 1) return raster;
  const width = Math.max(1, Math.floor(raster.width / factor));
  const height = Math.max(1, Math.floor(raster.height / factor));
  const data = new Uint8ClampedArray(width * height * 4);
  for (let channel = 0; channel < 4; channel++) {
    for (let y = 0, i = channel; y < height; y++) {
      for (let x = 0; x < width; x++, i += 4) {
        data[i] = blockMean(raster.data, raster, x, y, factor, 4, channel);
      }
    }
  }
  return { width, height, data };
}

/** {@link shrunk} for a plane. */
export function shrunkPlane(plane: Plane, factor: number): Plane {
  if (factor === 1) return plane;
  const out = createPlane(
    Math.max(1, Math.floor(plane.width / factor)),
    Math.max(1, Math.floor(plane.height / factor)),
  );
  for (let y = 0, i = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++, i++) out.data[i] = blockMean(plane.data, plane, x, y, factor, 1, 0);
  }
  return out;
}

function blockMean(
  data: Float32Array | Uint8ClampedArray,
  size: { readonly width: number; readonly height: number },
  x: number,
  y: number,
  factor: number,
  stride: number,
  channel: number,
): number {
  const right = Math.min(size.width, (x + 1) * factor);
  const bottom = Math.min(size.height, (y + 1) * factor);
  let sum = 0;
  for (let sy = y * factor; sy < bottom; sy++) {
    for (let sx = x * factor; sx < right; sx++) sum += data[(sy * size.width + sx) * stride + channel] as number;
  }
  return sum / ((bottom - y * factor) * (right - x * factor));
}
