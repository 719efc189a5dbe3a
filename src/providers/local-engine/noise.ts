import { letGo } from "../../kernel/let-go.ts";
import { boxBlur } from "./blur.ts";
import { clamp, createPlane, type Plane } from "./plane.ts";
import type { Rng } from "./rng.ts";

/** Independent values between −1 and 1. */
export function whiteNoise(width: number, height: number, rng: Rng): Plane {
  const plane = createPlane(width, height);
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = rng() * 2 - 1;
  return plane;
}

/** Clouds from −1 to 1: random values on a grid of `cell` pixels, joined smoothly (Perlin's value noise). */
export function cloudNoise(width: number, height: number, cell: number, rng: Rng): Plane {
  const plane = createPlane(width, height);
  addCloud(plane, Math.max(1, cell), 1, rng);
  return plane;
}

/** Clouds at `cell`, `cell`/2, `cell`/4 …, each half as strong; about −1 to 1. */
export function fractalNoise(width: number, height: number, cell: number, octaves: number, rng: Rng): Plane {
  const plane = createPlane(width, height);
  for (let octave = 0; octave < octaves; octave++) addCloud(plane, Math.max(1, cell / 2 ** octave), 0.5 ** octave, rng);
  const scale = 1 / (2 - 0.5 ** (octaves - 1));
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = (plane.data[i] as number) * scale;
  return plane;
}

/** Film grain: noise of `size` pixels, standard deviation 1. */
export function grain(width: number, height: number, size: number, rng: Rng): Plane {
  const noise = whiteNoise(width, height, rng);
  if (size <= 0.6) return normalised(noise);
  const scratch = createPlane(width, height);
  const radius = Math.max(1, Math.round(size * 0.8));
  boxBlur(boxBlur(noise, radius, scratch, noise), radius, scratch, noise);
  letGo(scratch);
  return normalised(noise);
}

/** Scales to mean 0 and standard deviation 1, in place. */
export function normalised(plane: Plane): Plane {
  const { data } = plane;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    sum += value;
    squares += value * value;
  }
  const mean = sum / data.length;
  const scale = 1 / Math.sqrt(Math.max(1e-12, squares / data.length - mean * mean));
  for (let i = 0; i < data.length; i++) data[i] = ((data[i] as number) - mean) * scale;
  return plane;
}

/** Paper seen under raking light: −1 to 1, fine fibres over slow unevenness, lit from the upper left. */
export function paperTexture(width: number, height: number, unit: number, rng: Rng): Plane {
  const fibres = grain(width, height, Math.max(0.7, 1.3 * unit), rng);
  const slow = cloudNoise(width, height, 14 * unit, rng);
  const plane = createPlane(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    const up = y > 0 ? width : 0;
    for (let x = 0; x < width; x++, i++) {
      const slope = (fibres.data[i] as number) - (fibres.data[i - up - (x > 0 ? 1 : 0)] as number);
      plane.data[i] = clamp(0.45 * slope + 0.25 * (slow.data[i] as number), -1, 1);
    }
  }
  letGo(fibres, slow);
  return plane;
}

function addCloud({ width, height, data }: Plane, cell: number, amplitude: number, rng: Rng): void {
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  const grid = new Float32Array(columns * rows);
  for (let i = 0; i < grid.length; i++) grid[i] = (rng() * 2 - 1) * amplitude;
  const { index: xs, ease: xEase } = gridSteps(width, cell);
  const { index: ys, ease: yEase } = gridSteps(height, cell);
  const line = new Float32Array(columns);
  for (let y = 0, i = 0; y < height; y++) {
    const above = (ys[y] as number) * columns;
    const t = yEase[y] as number;
    for (let c = 0; c < columns; c++) {
      const top = grid[above + c] as number;
      line[c] = top + t * ((grid[above + columns + c] as number) - top);
    }
    for (let x = 0; x < width; x++, i++) {
      const c = xs[x] as number;
      const left = line[c] as number;
      data[i] = (data[i] as number) + left + (xEase[x] as number) * ((line[c + 1] as number) - left);
    }
  }
}

function gridSteps(length: number, cell: number): { readonly index: Int32Array; readonly ease: Float32Array } {
  const index = new Int32Array(length);
  const ease = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const at = i / cell;
    const t = at - Math.floor(at);
    index[i] = Math.floor(at);
    ease[i] = t * t * (3 - 2 * t);
  }
  return { index, ease };
}
