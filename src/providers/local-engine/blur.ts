import { letGo } from "../../kernel/let-go.ts";
import { createPlane, type Plane } from "./plane.ts";

/** Mean over a (2·radius + 1)² window, edges repeated; running sums, so the time doesn't depend on the radius. */
export function boxBlur(source: Plane, radius: number, scratch: Plane, target: Plane): Plane {
  if (radius < 1) {
    if (target !== source) target.data.set(source.data);
    return target;
  }
  blurRows(source, radius, scratch);
  blurColumns(scratch, radius, target);
  return target;
}

/** Three box blurs approximate a Gaussian (Kovesi, "Fast Almost-Gaussian Filtering", 2010). Returns a new plane. */
export function gaussianBlur(source: Plane, sigma: number): Plane {
  const target = createPlane(source.width, source.height);
  const scratch = createPlane(source.width, source.height);
  let from = source;
  for (const radius of boxRadii(sigma)) {
    boxBlur(from, radius, scratch, target);
    from = target;
  }
  letGo(scratch);
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

/** Four rows at a time: the sums don't wait for each other, which doubles the speed. */
function blurRows({ width, height, data }: Plane, radius: number, target: Plane): void {
  const out = target.data;
  const scale = 1 / (2 * radius + 1);
  const last = width - 1;
  for (let y = 0; y < height; y += 4) {
    const r0 = y * width;
    const r1 = Math.min(y + 1, height - 1) * width;
    const r2 = Math.min(y + 2, height - 1) * width;
    const r3 = Math.min(y + 3, height - 1) * width;
    let s0 = (data[r0] as number) * (radius + 1);
    let s1 = (data[r1] as number) * (radius + 1);
    let s2 = (data[r2] as number) * (radius + 1);
    let s3 = (data[r3] as number) * (radius + 1);
    for (let i = 1; i <= radius; i++) {
      const at = Math.min(i, last);
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
}

function blurColumns({ width, height, data }: Plane, radius: number, target: Plane): void {
  const out = target.data;
  const scale = 1 / (2 * radius + 1);
  const sums = new Float64Array(width);
  const last = height - 1;
  for (let x = 0; x < width; x++) sums[x] = (data[x] as number) * (radius + 1);
  for (let i = 1; i <= radius; i++) {
    const row = Math.min(i, last) * width;
    for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + (data[row + x] as number);
  }
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const enter = Math.min(y + radius + 1, last) * width;
    const leave = Math.max(y - radius, 0) * width;
    for (let x = 0; x < width; x++) {
      const sum = sums[x] as number;
      out[row + x] = sum * scale;
      sums[x] = sum + (data[enter + x] as number) - (data[leave + x] as number);
    }
  }
}
