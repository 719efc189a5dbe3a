import { letGo } from "../../kernel/let-go.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { blankLike, clamp, eachRow, weighted } from "./plane.ts";
import { Smooth, smoothRow, type ThreeLines, threeLines } from "./rows.ts";
import { shrunk } from "./shrink.ts";

/** The eight sectors' centres around a pixel, in radii. */
const SECTORS: readonly (readonly [dx: number, dy: number])[] = [
  [1, 0],
  [0.7, 0.7],
  [0, 1],
  [-0.7, 0.7],
  [-1, 0],
  [-0.7, -0.7],
  [0, -1],
  [0.7, -0.7],
];

/** From this radius on patches are painted at half the size: they are that much larger than a pixel. */
const HALVED_FROM = 3;

/** Texture flattened into patches, at 1/`factor` of the picture's size. */
export interface Patches {
  readonly raster: Raster;
  readonly factor: number;
}

/**
 * Flattens texture into patches and keeps edges: each pixel becomes the mean of the calmest windows around it
 * (Kuwahara 1976; eight sectors weighted by 1/variance⁴ as in Papari et al., 2007). A window's mean and variance come
 * from running sums, so the time doesn't depend on `radius` (pixels, at least 1).
 */
export function kuwahara(source: Raster, radius: number): Patches {
  const factor = radius >= HALVED_FROM ? 2 : 1;
  const raster = shrunk(source, factor);
  return { raster: painted(raster, Math.max(1, Math.round(radius / factor))), factor };
}

function painted(source: Raster, reach: number): Raster {
  const { width, height, data } = source;
  const target = blankLike(source);
  const windows = new Float32Array((width + 2 * reach) * height * 4);
  const columns = new Float64Array((width + 2 * reach + 1) * 4);
  const edged = (y: number) => clamp(y, 0, height - 1) * width * 4;
  for (let y = -reach - 1; y < reach; y++) addPixels(data, edged(y), width, reach, columns, 1);
  eachRow(height, windowRow, width, height, data, reach, columns, windows);
  eachRow(height, paintRow, width, height, target.data, reach, windows, new Int32Array(SECTORS.length));
  letGo({ data: windows });
  return target;
}

/** Adds (or with −1 takes away) a row that begins at `row`; pixels beyond the picture are those at its edge. */
function addPixels(
  data: Uint8ClampedArray,
  row: number,
  width: number,
  reach: number,
  columns: Float64Array,
  sign: number,
): void {
  for (let x = -reach, i = 0; x < width + reach; x++, i += 4) {
    const p = row + 4 * (x < 0 ? 0 : x < width ? x : width - 1);
    const r = data[p] as number;
    const g = data[p + 1] as number;
    const b = data[p + 2] as number;
    const luma = r * 0.299 + g * 0.587 + b * 0.114;
    columns[i] = (columns[i] as number) + sign * r;
    columns[i + 1] = (columns[i + 1] as number) + sign * g;
    columns[i + 2] = (columns[i + 2] as number) + sign * b;
    columns[i + 3] = (columns[i + 3] as number) + sign * luma * luma;
  }
}

/**
 * Writes for the (2·reach + 1)² window around every pixel its mean red, green and blue, times its weight, and the weight,
 * 1/(variance of luma + ε)⁴; `reach` windows more at both ends of a row are the same as its first and last. `columns`
 * holds the sums over a window's rows of red, green, blue and luma², from `reach` columns before the picture.
 */
function windowRow(
  y: number,
  width: number,
  height: number,
  data: Uint8ClampedArray,
  reach: number,
  columns: Float64Array,
  windows: Float32Array,
): void {
  addPixels(data, Math.min(y + reach, height - 1) * width * 4, width, reach, columns, 1);
  addPixels(data, Math.max(y - reach - 1, 0) * width * 4, width, reach, columns, -1);
  const scale = 1 / (2 * reach + 1) ** 2;
  let r = 0;
  let g = 0;
  let b = 0;
  let squares = 0;
  for (let p = 0; p < 8 * reach + 4; p += 4) {
    r += columns[p] as number;
    g += columns[p + 1] as number;
    b += columns[p + 2] as number;
    squares += columns[p + 3] as number;
  }
  const start = (y * (width + 2 * reach) + reach) * 4;
  for (let x = 0, at = start, leave = 0, enter = 8 * reach + 4; x < width; x++, at += 4, leave += 4, enter += 4) {
    const luma = (r * 0.299 + g * 0.587 + b * 0.114) * scale;
    const inverse = 1 / (Math.max(0, squares * scale - luma * luma) + 6);
    const weight = inverse * inverse * inverse * inverse;
    windows[at] = r * scale * weight;
    windows[at + 1] = g * scale * weight;
    windows[at + 2] = b * scale * weight;
    windows[at + 3] = weight;
    r += (columns[enter] as number) - (columns[leave] as number);
    g += (columns[enter + 1] as number) - (columns[leave + 1] as number);
    b += (columns[enter + 2] as number) - (columns[leave + 2] as number);
    squares += (columns[enter + 3] as number) - (columns[leave + 3] as number);
  }
  const end = start + width * 4;
  for (let i = 1; i <= reach; i++) {
    windows.copyWithin(start - 4 * i, start, start + 4);
    windows.copyWithin(end + 4 * (i - 1), end - 4, end);
  }
}

function paintRow(
  y: number,
  width: number,
  height: number,
  data: Uint8ClampedArray,
  reach: number,
  windows: Float32Array,
  offsets: Int32Array,
): void {
  for (let s = 0; s < SECTORS.length; s++) {
    const [dx, dy] = SECTORS[s] as (typeof SECTORS)[number];
    const row = clamp(y + Math.round(dy * reach), 0, height - 1);
    offsets[s] = (row * (width + 2 * reach) + reach + Math.round(dx * reach)) * 4;
  }
  for (let x = 0, p = y * width * 4; x < width; x++, p += 4) {
    let r = 0;
    let g = 0;
    let b = 0;
    let total = 0;
    for (let s = 0; s < offsets.length; s++) {
      const at = (offsets[s] as number) + 4 * x;
      r += windows[at] as number;
      g += windows[at + 1] as number;
      b += windows[at + 2] as number;
      total += windows[at + 3] as number;
    }
    const scale = 1 / total;
    data[p] = r * scale;
    data[p + 1] = g * scale;
    data[p + 2] = b * scale;
  }
}

interface Repainting {
  /** Share (0–1) of the light and shade that is given back, at most 60 levels of 255: eyes and mouths stay. */
  readonly detail: number;
  /** 1 leaves colours as they are; more moves them away from their grey. */
  readonly saturation: number;
}

/** The patches in the picture's size and with its alpha, with some of the light and shade that they took from it. */
export function repainted({ raster, factor }: Patches, source: Raster, { detail, saturation }: Repainting): Raster {
  const { width, height } = source;
  const target = blankLike(source);
  const channel = (red: number, green: number, blue: number) => new Smooth(weighted(raster, red, green, blue), factor);
  const [red, green, blue] = [channel(255, 0, 0), channel(0, 255, 0), channel(0, 0, 255)];
  const lines = threeLines(width);
  eachRow(height, repaintRow, target.data, red, green, blue, lines, detail, saturation);
  letGo(red, green, blue);
  return target;
}

function repaintRow(
  y: number,
  data: Uint8ClampedArray,
  red: Smooth,
  green: Smooth,
  blue: Smooth,
  lines: ThreeLines,
  detail: number,
  saturation: number,
): void {
  const [rs, gs, bs] = lines;
  smoothRow(red, y, rs);
  smoothRow(green, y, gs);
  smoothRow(blue, y, bs);
  for (let x = 0, p = y * rs.length * 4; x < rs.length; x++, p += 4) {
    const r = rs[x] as number;
    const g = gs[x] as number;
    const b = bs[x] as number;
    const before = (data[p] as number) * 0.3 + (data[p + 1] as number) * 0.59 + (data[p + 2] as number) * 0.11;
    const grey = r * 0.3 + g * 0.59 + b * 0.11;
    const light = grey + clamp((before - grey) * detail, -60, 60);
    data[p] = light + (r - grey) * saturation;
    data[p + 1] = light + (g - grey) * saturation;
    data[p + 2] = light + (b - grey) * saturation;
  }
}
