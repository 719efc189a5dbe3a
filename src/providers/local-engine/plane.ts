import type { Raster } from "../../ports/image-codec.ts";

/** One number a pixel, row by row; luminance and masks run from 0 to 1. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

export function createPlane(width: number, height: number): Plane {
  return { width, height, data: new Float32Array(width * height) };
}

/**
 * Calls a function for every row. Loops over pixels stand in functions at the top of a module, are called from here and
 * take nothing but numbers, arrays and instances of classes: V8 compiles those well and keeps what it has compiled. Code
 * that knows objects without a class is thrown away with the last one; closures, and loops in loops, it compiles badly.
 */
export function eachRow<A extends unknown[]>(
  height: number,
  work: (y: number, ...given: A) => void,
  ...given: A
): void {
  for (let y = 0; y < height; y++) work(y, ...given);
}

/** Rec. 709 luma of the sRGB values, 0–1. */
export function lumaOf(raster: Raster): Plane {
  return weighted(raster, 0.2126, 0.7152, 0.0722);
}

/** The channels' sRGB values, 0–1, by weights that sum to 1. */
export function weighted({ width, height, data }: Raster, red: number, green: number, blue: number): Plane {
  const plane = createPlane(width, height);
  eachRow(height, weighRow, width, plane.data, data, red / 255, green / 255, blue / 255);
  return plane;
}

function weighRow(
  y: number,
  width: number,
  out: Float32Array,
  data: Uint8ClampedArray,
  red: number,
  green: number,
  blue: number,
): void {
  for (let i = y * width, p = 4 * i; i < (y + 1) * width; i++, p += 4) {
    out[i] = (data[p] as number) * red + (data[p + 1] as number) * green + (data[p + 2] as number) * blue;
  }
}

/** A raster of the same size and alpha, whose colours are there to be painted over. */
export function blankLike({ width, height, data }: Raster): Raster {
  return { width, height, data: data.slice() };
}

/** Lengths in the effects are for a picture of 1024 px; this scales them to the raster's longest side. */
export function unitOf({ width, height }: { readonly width: number; readonly height: number }): number {
  return Math.max(width, height) / 1024;
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : Math.min(value, high);
}

/** 0 below `low`, 1 above `high`, smooth (Hermite) between. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = clamp((value - low) / (high - low), 0, 1);
  return t * t * (3 - 2 * t);
}

/** tanh to within 0.025 (a Padé approximant), many times as fast as Math.tanh. */
export function softTanh(x: number): number {
  if (x >= 3) return 1;
  if (x <= -3) return -1;
  const square = x * x;
  return (x * (27 + square)) / (27 + 9 * square);
}

/**
 * Stretches so that the 1st and 99th percentiles, to 1/255, become 0 and 1, in place; at most doubles the contrast.
 * Values are taken as 0–1.
 */
export function stretchContrast(plane: Plane): Plane {
  const { width, height, data } = plane;
  const bins = new Uint32Array(256);
  eachRow(height, countRow, width, data, bins);
  const low = percentile(bins, 0.01 * data.length);
  const gain = 1 / Math.max(0.5, percentile(bins, 0.99 * data.length) - low);
  eachRow(height, stretchRow, width, data, low, gain);
  return plane;
}

function countRow(y: number, width: number, data: Float32Array, bins: Uint32Array): void {
  for (let i = y * width; i < (y + 1) * width; i++) {
    const bin = clamp((data[i] as number) * 255, 0, 255) | 0;
    bins[bin] = (bins[bin] as number) + 1;
  }
}

function stretchRow(y: number, width: number, data: Float32Array, low: number, gain: number): void {
  for (let i = y * width; i < (y + 1) * width; i++) data[i] = clamp(((data[i] as number) - low) * gain, 0, 1);
}

function percentile(bins: Uint32Array, wanted: number): number {
  let seen = 0;
  for (let bin = 0; bin < 256; bin++) {
    seen += bins[bin] as number;
    if (seen >= wanted) return bin / 255;
  }
  return 1;
}
