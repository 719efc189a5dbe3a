import { letGo } from "../../kernel/let-go.ts";
import { createPlane, eachRow, type Plane } from "./plane.ts";

/** Mean over a (2·radius + 1)² window, edges repeated; running sums, so the time doesn't depend on the radius. */
export function boxBlur(source: Plane, radius: number, scratch: Plane, target: Plane): Plane {
  if (radius < 1) {
    if (target !== source) target.data.set(source.data);
    return target;
  }
  const { width, height } = source;
  eachRow(Math.ceil(height / 4), blurFourRows, width, height, source.data, radius, scratch.data);
  const sums = new Float64Array(width);
  for (let y = -radius; y <= radius; y++) addRow(Math.max(0, Math.min(y, height - 1)), scratch.data, sums);
  eachRow(height, blurColumns, height, scratch.data, radius, target.data, sums);
  return target;
}

/**
 * Three box blurs approximate a Gaussian (Kovesi, "Fast Almost-Gaussian Filtering", 2010). Returns a new plane; `room` is
 * one of the same size whose content may go.
 */
export function gaussianBlur(source: Plane, sigma: number, room: Plane | null = null): Plane {
  const target = createPlane(source.width, source.height);
  const radii = boxRadii(sigma).filter((radius) => radius > 0);
  if (radii.length === 0) {
    target.data.set(source.data);
    return target;
  }
  const scratch = room ?? createPlane(source.width, source.height);
  let from = source;
  for (const radius of radii) {
    boxBlur(from, radius, scratch, target);
    from = target;
  }
  if (room === null) letGo(scratch);
  return target;
}

function boxRadii(sigma: number): readonly number[] {
  const boxes = 3;
  let lower = Math.floor(Math.sqrt((12 * sigma * sigma) / boxes + 1));
  if (lower % 2 === 0) lower--;
  const lowerCount = Math.round(
    (12 * sigma * sigma - boxes * lower * lower - 4 * boxes * lower - 3 * boxes) / (-4 * lower - 4),
  );
  return [0, 1, 2].map((i) => (i < lowerCount ? (lower - 1) / 2 : (lower + 1) / 2));
}

/** Along rows; four at a time, since their sums don't wait for each other, which doubles the speed. */
function blurFourRows(
  four: number,
  width: number,
  height: number,
  data: Float32Array,
  radius: number,
  out: Float32Array,
): void {
  const scale = 1 / (2 * radius + 1);
  const last = width - 1;
  const r0 = 4 * four * width;
  const r1 = Math.min(4 * four + 1, height - 1) * width;
  const r2 = Math.min(4 * four + 2, height - 1) * width;
  const r3 = Math.min(4 * four + 3, height - 1) * width;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = -radius; i <= radius; i++) {
    const at = Math.max(0, Math.min(i, last));
    s0 += data[r0 + at] as number;
    s1 += data[r1 + at] as number;
    s2 += data[r2 + at] as number;
    s3 += data[r3 + at] as number;
  }
  for (let x = 0; x < width; x++) {
    out[r0 + x] = s0 * scale;
    out[r1 + x] = s1 * scale;
    out[r2 + x] = s2 * scale;
    out[r3 + x] = s3 * scale;
    const enter = Math.min(x + radius + 1, last);
    const leave = Math.max(x - radius, 0);
    s0 += (data[r0 + enter] as number) - (data[r0 + leave] as number);
    s1 += (data[r1 + enter] as number) - (data[r1 + leave] as number);
    s2 += (data[r2 + enter] as number) - (data[r2 + leave] as number);
    s3 += (data[r3 + enter] as number) - (data[r3 + leave] as number);
  }
}

function addRow(y: number, data: Float32Array, sums: Float64Array): void {
  const row = y * sums.length;
  for (let x = 0; x < sums.length; x++) sums[x] = (sums[x] as number) + (data[row + x] as number);
}

/** Along columns. `sums` are those of the 2·radius + 1 rows around this one. */
function blurColumns(
  y: number,
  height: number,
  data: Float32Array,
  radius: number,
  out: Float32Array,
  sums: Float64Array,
): void {
  const width = sums.length;
  const scale = 1 / (2 * radius + 1);
  const row = y * width;
  const enter = Math.min(y + radius + 1, height - 1) * width;
  const leave = Math.max(y - radius, 0) * width;
  for (let x = 0; x < width; x++) {
    const sum = sums[x] as number;
    out[row + x] = sum * scale;
    sums[x] = sum + (data[enter + x] as number) - (data[leave + x] as number);
  }
}
