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

/** Rec. 709 luma of the sRGB values, 0–1. */
export function lumaOf({ width, height, data }: Raster): Plane {
  const plane = createPlane(width, height);
  const out = plane.data;
  for (let i = 0, p = 0; i < out.length; i++, p += 4) {
    out[i] = ((data[p] as number) * 0.2126 + (data[p + 1] as number) * 0.7152 + (data[p + 2] as number) * 0.0722) / 255;
  }
  return plane;
}

/** A raster of the same size with the same alpha and black pixels, to be filled. */
export function blankLike({ width, height, data }: Raster): Raster {
  const out = new Uint8ClampedArray(data.length);
  for (let i = 3; i < data.length; i += 4) out[i] = data[i] as number;
  return { width, height, data: out };
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

/** The value below which `fraction` of the plane's pixels lie, to 1/255; values are taken as 0–1. */
export function percentile({ data }: Plane, fraction: number): number {
  const bins = new Uint32Array(256);
  for (let i = 0; i < data.length; i++) {
    const bin = clamp((data[i] as number) * 255, 0, 255) | 0;
    bins[bin] = (bins[bin] as number) + 1;
  }
  const wanted = fraction * data.length;
  let seen = 0;
  for (let bin = 0; bin < 256; bin++) {
    seen += bins[bin] as number;
    if (seen >= wanted) return bin / 255;
  }
  return 1;
}

/** Stretches so that the 1st and 99th percentiles become 0 and 1, in place; at most doubles the contrast. */
export function stretchContrast(plane: Plane): Plane {
  const low = percentile(plane, 0.01);
  const gain = 1 / Math.max(0.5, percentile(plane, 0.99) - low);
  const { data } = plane;
  for (let i = 0; i < data.length; i++) data[i] = clamp(((data[i] as number) - low) * gain, 0, 1);
  return plane;
}
