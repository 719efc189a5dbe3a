import { letGo } from "../../kernel/let-go.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { boxBlur } from "./blur.ts";
import { blankLike, clamp, createPlane, type Plane } from "./plane.ts";

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

/** Rows painted at a time: the windows of so many stay in the processor's cache, and never take more than a few MB. */
const BAND = 64;

/**
 * Flattens texture into patches and keeps edges: each pixel becomes the mean of the calmest windows around it
 * (Kuwahara 1976; eight sectors weighted by 1/variance⁴ as in Papari et al., 2007). A window's mean and variance are
 * those of the box blurs at its centre, so the time doesn't depend on `radius` (pixels, at least 1).
 */
export function kuwahara(source: Raster, radius: number): Raster {
  const { width, height } = source;
  const reach = Math.max(1, Math.round(radius));
  const target = blankLike(source);
  const columns = new Int32Array(width * COUNT);
  const offsets = SECTORS.map(([dx, dy]) => [Math.round(dx * reach), Math.round(dy * reach)] as const);
  for (let i = 0; i < columns.length; i++) {
    columns[i] = 4 * clamp(Math.floor(i / COUNT) + (offsets[i % COUNT]?.[0] ?? 0), 0, width - 1);
  }
  const down = Int32Array.from(offsets, ([, dy]) => dy);
  const room = roomFor(width, Math.min(height, BAND + 4 * reach));
  for (let y = 0; y < height; y += BAND) {
    // A sector is at most `reach` away, and its window reaches as far again.
    const top = Math.max(0, y - 2 * reach);
    const bottom = Math.min(height, y + BAND + 2 * reach);
    fillWindows(source, top, bottom, reach, room);
    paintRows(target, y, Math.min(height, y + BAND), { windows: room.windows, top, columns, down });
  }
  letGo({ data: room.windows }, room.plane, room.scratch);
  return target;
}

/** Memory for a band. */
interface Room {
  /** For the window around every pixel its mean red, green and blue, and 1/(variance of luma + ε)⁴, side by side. */
  readonly windows: Float32Array<ArrayBuffer>;
  readonly plane: Plane;
  readonly scratch: Plane;
}

function roomFor(width: number, rows: number): Room {
  const windows = new Float32Array(width * rows * 4);
  return { windows, plane: createPlane(width, rows), scratch: createPlane(width, rows) };
}

interface Sectors {
  readonly windows: Float32Array;
  /** The picture's row that the windows begin with. */
  readonly top: number;
  /** For every column where each sector's window is in its row. */
  readonly columns: Int32Array;
  /** For every sector how many rows below the pixel it is. */
  readonly down: Int32Array;
}

function paintRows({ width, height, data }: Raster, from: number, to: number, sectors: Sectors): void {
  const { windows, top, columns, down } = sectors;
  const rows = new Int32Array(COUNT);
  for (let y = from, p = from * width * 4; y < to; y++) {
    for (let s = 0; s < COUNT; s++) rows[s] = 4 * width * (clamp(y + (down[s] as number), 0, height - 1) - top);
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
      data[p] = r * scale;
      data[p + 1] = g * scale;
      data[p + 2] = b * scale;
    }
  }
}

/** The windows of the rows from `top` to `bottom`; those of the first and last `reach` are right at the picture's edge only. */
function fillWindows(source: Raster, top: number, bottom: number, reach: number, room: Room): void {
  const { width } = source;
  const count = width * (bottom - top);
  const { windows } = room;
  const rowsOf = ({ data }: Plane): Plane => ({ width, height: bottom - top, data: data.subarray(0, count) });
  const [plane, scratch] = [rowsOf(room.plane), rowsOf(room.scratch)];
  const values = plane.data;
  const data = source.data.subarray(top * width * 4, bottom * width * 4);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0, p = channel; i < count; i++, p += 4) values[i] = data[p] as number;
    boxBlur(plane, reach, scratch, plane);
    for (let i = 0, p = channel; i < count; i++, p += 4) windows[p] = values[i] as number;
  }
  for (let i = 0, p = 0; i < count; i++, p += 4) {
    const luma = (data[p] as number) * 0.299 + (data[p + 1] as number) * 0.587 + (data[p + 2] as number) * 0.114;
    values[i] = luma * luma;
  }
  boxBlur(plane, reach, scratch, plane);
  for (let i = 0, p = 0; i < count; i++, p += 4) {
    const mean =
      (windows[p] as number) * 0.299 + (windows[p + 1] as number) * 0.587 + (windows[p + 2] as number) * 0.114;
    const inverse = 1 / (Math.max(0, (values[i] as number) - mean * mean) + 6);
    const square = inverse * inverse;
    windows[p + 3] = square * square;
  }
}
