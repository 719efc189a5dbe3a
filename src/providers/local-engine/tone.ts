import type { Raster } from "../../ports/image-codec.ts";
import { blankLike, clamp, eachRow, type Plane } from "./plane.ts";

/** An sRGB colour, 0–255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** "#rrggbb" as numbers. */
export function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** 256 colours from the first to the last of `stops`, evenly spaced. */
export function ramp(stops: readonly Rgb[]): Uint8ClampedArray {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const low = stops[Math.floor(at)] as Rgb;
    const high = stops[Math.min(stops.length - 1, Math.floor(at) + 1)] as Rgb;
    const t = at - Math.floor(at);
    for (let c = 0; c < 3; c++) table[i * 3 + c] = (low[c] as number) * (1 - t) + (high[c] as number) * t;
  }
  return table;
}

/** Colours `tone` (0–1) by a table of {@link ramp}; alpha comes from `source`. */
export function colourMap(source: Raster, tone: Plane, table: Uint8ClampedArray): Raster {
  const target = blankLike(source);
  eachRow(source.height, colourRow, source.width, target.data, tone.data, table);
  return target;
}

function colourRow(
  y: number,
  width: number,
  data: Uint8ClampedArray,
  from: Float32Array,
  table: Uint8ClampedArray,
): void {
  for (let i = y * width, p = 4 * i; i < (y + 1) * width; i++, p += 4) {
    const at = ((clamp(from[i] as number, 0, 1) * 255 + 0.5) | 0) * 3;
    data[p] = table[at] as number;
    data[p + 1] = table[at + 1] as number;
    data[p + 2] = table[at + 2] as number;
  }
}

/** A byte-to-byte table of a tone curve given on 0–1. */
export function curve(shape: (value: number) => number): Uint8ClampedArray {
  const table = new Uint8ClampedArray(256);
  for (let i = 0; i < 256; i++) table[i] = shape(i / 255) * 255 + 0.5;
  return table;
}

/** Contrast around the middle: 0 none, 1 strong. */
export function sCurve(value: number, amount: number): number {
  const smooth = value * value * (3 - 2 * value);
  return value + (smooth - value) * amount;
}

/** Squared distance from the centre for every column or row, so that corners are 1; vignettes add the two. */
export function squaredOffsets(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => 0.5 * ((i + 0.5) / length - 0.5) ** 2 * 4);
}

/** `base` with `top` mixed in by `amount` (0–1); both of one size. */
export function mix(base: Raster, top: Raster, amount: number): Raster {
  if (amount >= 1) return top;
  const data = new Uint8ClampedArray(base.data.length);
  for (let i = 0; i < data.length; i++) {
    const from = base.data[i] as number;
    data[i] = from + ((top.data[i] as number) - from) * amount;
  }
  return { width: base.width, height: base.height, data };
}
