import { letGo } from "../../kernel/let-go.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { boxBlur } from "./blur.ts";
import { blankLike, clamp, createPlane } from "./plane.ts";

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
const COUNT = SECTORS.length;

/**
 * Flattens texture into patches and keeps edges: each pixel becomes the mean of the calmest windows around it
 * (Kuwahara 1976; eight sectors weighted by 1/variance⁴ as in Papari et al., 2007). A window's mean and variance are
 * those of the box blurs at its centre, so the time doesn't depend on `radius` (pixels, at least 1).
 */
export function kuwahara(source: Raster, radius: number): Raster {
  const { width, height } = source;
  const reach = Math.max(1, Math.round(radius));
  const windows = windowsOf(source, reach);
  const target = blankLike(source);
  const out = target.data;
  const offsets = SECTORS.map(([dx, dy]) => [Math.round(dx * reach), Math.round(dy * reach)] as const);
  const columns = new Int32Array(width * COUNT);
  for (let i = 0; i < columns.length; i++) {
    columns[i] = 4 * clamp(Math.floor(i / COUNT) + (offsets[i % COUNT]?.[0] ?? 0), 0, width - 1);
  }
  const rows = new Int32Array(COUNT);
  for (let y = 0, p = 0; y < height; y++) {
    for (let s = 0; s < COUNT; s++) rows[s] = 4 * width * clamp(y + (offsets[s]?.[1] ?? 0), 0, height - 1);
    for (let x = 0, column = 0; x < width; x++, p += 4, column += COUNT) {
      let r = 0;
      let g = 0;
      let b = 0;
      let total = 0;
      for (let s = 0; s < COUNT; s++) {
        const at = (rows[s] as number) + (columns[column + s] as number);
        const weight = windows[at + 3] as number;
        r += weight * (windows[at] as number);
        g += weight * (windows[at + 1] as number);
        b += weight * (windows[at + 2] as number);
        total += weight;
      }
      const scale = 1 / total;
      out[p] = r * scale;
      out[p + 1] = g * scale;
      out[p + 2] = b * scale;
    }
  }
  letGo({ data: windows });
  return target;
}

/** For the window around every pixel its mean red, green and blue, and 1/(variance of luma + ε)⁴, side by side. */
function windowsOf({ width, height, data }: Raster, reach: number): Float32Array<ArrayBuffer> {
  const windows = new Float32Array(width * height * 4);
  const plane = createPlane(width, height);
  const values = plane.data;
  const scratch = createPlane(width, height);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0, p = channel; i < values.length; i++, p += 4) values[i] = data[p] as number;
    boxBlur(plane, reach, scratch, plane);
    for (let i = 0, p = channel; i < values.length; i++, p += 4) windows[p] = values[i] as number;
  }
  for (let i = 0, p = 0; i < values.length; i++, p += 4) {
    const luma = (data[p] as number) * 0.299 + (data[p + 1] as number) * 0.587 + (data[p + 2] as number) * 0.114;
    values[i] = luma * luma;
  }
  boxBlur(plane, reach, scratch, plane);
  for (let i = 0, p = 0; i < values.length; i++, p += 4) {
    const mean =
      (windows[p] as number) * 0.299 + (windows[p + 1] as number) * 0.587 + (windows[p + 2] as number) * 0.114;
    const inverse = 1 / (Math.max(0, (values[i] as number) - mean * mean) + 6);
    const square = inverse * inverse;
    windows[p + 3] = square * square;
  }
  letGo(plane, scratch);
  return windows;
}
