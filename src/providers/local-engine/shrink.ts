import type { Raster } from "../../ports/image-codec.ts";
import { createPlane, eachRow, type Plane } from "./plane.ts";

/** Means of factor × factor blocks; a rest at the right and bottom is left out. */
export function shrunk(raster: Raster, factor: number): Raster {
  if (factor === 1) return raster;
  const { width, height } = shrunkSize(raster, factor);
  const target = { width, height, data: new Uint8ClampedArray(width * height * 4) };
  if (factor === 2 && Math.min(raster.width, raster.height) > 1) {
    eachRow(height, halvePixels, width, target.data, raster.data, raster.width);
    return target;
  }
  eachRow(height, shrinkPixels, width, target.data, raster.data, raster.width, factor, Math.min(factor, raster.height));
  return target;
}

/** {@link shrunk} for a plane; the same plane for a factor of 1. */
export function shrunkPlane(plane: Plane, factor: number): Plane {
  if (factor === 1) return plane;
  const { width, height } = shrunkSize(plane, factor);
  const target = createPlane(width, height);
  eachRow(height, shrinkValues, width, target.data, plane.data, plane.width, factor, Math.min(factor, plane.height));
  return target;
}

function shrunkSize({ width, height }: { readonly width: number; readonly height: number }, factor: number) {
  return { width: Math.max(1, Math.floor(width / factor)), height: Math.max(1, Math.floor(height / factor)) };
}

function shrinkPixels(
  y: number,
  width: number,
  to: Uint8ClampedArray,
  from: Uint8ClampedArray,
  fromWidth: number,
  factor: number,
  down: number,
): void {
  const across = Math.min(factor, fromWidth);
  const scale = 1 / (across * down);
  for (let x = 0, i = y * width * 4; x < width; x++, i += 4) {
    let r = 0;
    let g = 0;
    let b = 0;
    let a = 0;
    for (let row = 0; row < down; row++) {
      let p = ((y * factor + row) * fromWidth + x * factor) * 4;
      for (const end = p + across * 4; p < end; p += 4) {
        r += from[p] as number;
        g += from[p + 1] as number;
        b += from[p + 2] as number;
        a += from[p + 3] as number;
      }
    }
    to[i] = r * scale;
    to[i + 1] = g * scale;
    to[i + 2] = b * scale;
    to[i + 3] = a * scale;
  }
}

/** {@link shrinkPixels} by 2, which most effects begin with. */
function halvePixels(
  y: number,
  width: number,
  to: Uint8ClampedArray,
  from: Uint8ClampedArray,
  fromWidth: number,
): void {
  const end = (y + 1) * width * 4;
  const down = fromWidth * 4;
  for (let i = y * width * 4, p = y * down * 2; i < end; i += 4, p += 8) {
    const q = p + down;
    to[i] = ((from[p] as number) + (from[p + 4] as number) + (from[q] as number) + (from[q + 4] as number)) / 4;
    to[i + 1] =
      ((from[p + 1] as number) + (from[p + 5] as number) + (from[q + 1] as number) + (from[q + 5] as number)) / 4;
    to[i + 2] =
      ((from[p + 2] as number) + (from[p + 6] as number) + (from[q + 2] as number) + (from[q + 6] as number)) / 4;
    to[i + 3] =
      ((from[p + 3] as number) + (from[p + 7] as number) + (from[q + 3] as number) + (from[q + 7] as number)) / 4;
  }
}

function shrinkValues(
  y: number,
  width: number,
  to: Float32Array,
  from: Float32Array,
  fromWidth: number,
  factor: number,
  down: number,
): void {
  const across = Math.min(factor, fromWidth);
  const scale = 1 / (across * down);
  for (let x = 0, i = y * width; x < width; x++, i++) {
    let sum = 0;
    for (let row = 0; row < down; row++) {
      let p = (y * factor + row) * fromWidth + x * factor;
      for (const end = p + across; p < end; p++) sum += from[p] as number;
    }
    to[i] = sum * scale;
  }
}
