import { letGo } from "../../kernel/let-go.ts";
import { boxBlur } from "./blur.ts";
import { clamp, createPlane, eachRow, type Plane } from "./plane.ts";
import type { Rng } from "./rng.ts";
import { factorFor, Smooth, smoothRow } from "./rows.ts";

/** Independent values between −1 and 1, in steps of 2⁻¹⁵: one number of `rng` gives two. */
export function whiteNoise(width: number, height: number, rng: Rng): Plane {
  const plane = createPlane(width, height);
  eachRow(height, drawRow, width, plane.data, rng);
  return plane;
}

function drawRow(y: number, width: number, data: Float32Array, rng: Rng): void {
  const end = (y + 1) * width;
  for (let i = y * width; i < end - 1; i += 2) {
    const both = rng() * 65_536;
    const first = both | 0;
    data[i] = first / 32_768 - 1;
    data[i + 1] = (both - first) * 2 - 1;
  }
  if (width % 2 === 1) data[end - 1] = rng() * 2 - 1;
}

/** Clouds from −1 to 1: random values on a grid of `cell` pixels, joined smoothly (Perlin's value noise). */
export function clouds(width: number, height: number, cell: number, rng: Rng): Smooth {
  return fractalClouds(width, height, cell, 1, rng);
}

/** Clouds at `cell`, `cell`/2, `cell`/4 …, each half as strong; about −1 to 1. Made no larger than the finest one needs. */
export function fractalClouds(width: number, height: number, cell: number, octaves: number, rng: Rng): Smooth {
  const factor = factorFor(cell / 2 ** (octaves - 1), 3);
  const plane = createPlane(Math.ceil(width / factor), Math.ceil(height / factor));
  const scale = 1 / (2 - 0.5 ** (octaves - 1));
  for (let octave = 0; octave < octaves; octave++) {
    addCloud(plane, Math.max(1, cell / factor / 2 ** octave), scale * 0.5 ** octave, rng);
  }
  return new Smooth(plane, factor);
}

/** A square of noise that repeats without a seam; {@link tileRow} writes its rows. */
export type Tile = Float32Array<ArrayBuffer>;
/** Its side in pixels, a power of two: in grain as fine as this nobody sees the repeat. */
const TILE = 512;

/** Writes row `y` of the repeated tile into `line`, which may have any length. */
export function tileRow(tile: Tile, y: number, line: Float32Array): void {
  const from = (y & (TILE - 1)) * TILE;
  for (let x = 0; x < line.length; x += TILE) {
    line.set(tile.subarray(from, from + Math.min(TILE, line.length - x)), x);
  }
}

/** Film grain: noise of `size` pixels, standard deviation 1. */
export function grainTile(size: number, rng: Rng): Tile {
  const white = whiteNoise(TILE, TILE, rng);
  if (size <= 0.6) return normalised(white).data;
  const radius = Math.max(1, Math.round(size * 0.8));
  // As far as two blurs reach, the noise goes on around the tile as it does on the other side.
  const reach = 2 * radius;
  const side = TILE + 2 * reach;
  const around = createPlane(side, side);
  for (let y = 0; y < side; y++) {
    const from = ((y - reach) & (TILE - 1)) * TILE;
    const row = around.data.subarray(y * side, (y + 1) * side);
    row.set(white.data.subarray(from, from + TILE), reach);
    row.copyWithin(0, TILE, TILE + reach);
    row.copyWithin(TILE + reach, reach, 2 * reach);
  }
  const scratch = createPlane(side, side);
  boxBlur(boxBlur(around, radius, scratch, around), radius, scratch, around);
  for (let y = 0; y < TILE; y++) {
    const from = (y + reach) * side + reach;
    white.data.set(around.data.subarray(from, from + TILE), y * TILE);
  }
  letGo(around, scratch);
  return normalised(white).data;
}

/** Paper seen under raking light, from the upper left: fine fibres over slow unevenness; {@link paperRow} writes its rows. */
export class Paper {
  /** It stays, as {@link Smooth.kept} does. */
  static readonly kept = new Paper(new Float32Array(1), Smooth.kept, 1);
  readonly fibres: Tile;
  readonly unevenness: Smooth;
  /** Room for a row. */
  readonly slopes: Float32Array;

  constructor(fibres: Tile, unevenness: Smooth, width: number) {
    this.fibres = fibres;
    this.unevenness = unevenness;
    this.slopes = new Float32Array(width);
  }
}

export function paperOf(width: number, height: number, unit: number, rng: Rng): Paper {
  const heights = grainTile(Math.max(0.7, 1.3 * unit), rng);
  const fibres = new Float32Array(TILE * TILE);
  eachRow(TILE, slopeRow, heights, fibres);
  letGo({ data: heights });
  return new Paper(fibres, clouds(width, height, 14 * unit, rng), width);
}

function slopeRow(y: number, heights: Tile, fibres: Tile): void {
  const above = ((y - 1) & (TILE - 1)) * TILE;
  for (let x = 0, i = y * TILE; x < TILE; x++, i++) {
    fibres[i] = 0.45 * ((heights[i] as number) - (heights[above + ((x - 1) & (TILE - 1))] as number));
  }
}

/** Writes row `y` of the paper, −1 to 1, into `line`. */
export function paperRow({ fibres, unevenness, slopes }: Paper, y: number, line: Float32Array): void {
  tileRow(fibres, y, slopes);
  smoothRow(unevenness, y, line);
  for (let x = 0; x < line.length; x++) line[x] = clamp((slopes[x] as number) + 0.25 * (line[x] as number), -1, 1);
}

/** Scales to mean 0 and standard deviation 1, in place. */
export function normalised(plane: Plane): Plane {
  const { width, height, data } = plane;
  const sums = new Float64Array(2);
  eachRow(height, sumRow, width, data, sums);
  const mean = (sums[0] as number) / data.length;
  const variance = (sums[1] as number) / data.length - mean * mean;
  eachRow(height, scaleRow, width, data, mean, 1 / Math.sqrt(Math.max(1e-12, variance)));
  return plane;
}

function sumRow(y: number, width: number, data: Float32Array, sums: Float64Array): void {
  let sum = 0;
  let squares = 0;
  for (let i = y * width; i < (y + 1) * width; i++) {
    const value = data[i] as number;
    sum += value;
    squares += value * value;
  }
  sums[0] = (sums[0] as number) + sum;
  sums[1] = (sums[1] as number) + squares;
}

function scaleRow(y: number, width: number, data: Float32Array, mean: number, scale: number): void {
  for (let i = y * width; i < (y + 1) * width; i++) data[i] = ((data[i] as number) - mean) * scale;
}

function addCloud(plane: Plane, cell: number, amplitude: number, rng: Rng): void {
  const columns = Math.ceil(plane.width / cell) + 2;
  const rows = Math.ceil(plane.height / cell) + 2;
  const grid = new Float32Array(columns * rows);
  for (let i = 0; i < grid.length; i++) grid[i] = (rng() * 2 - 1) * amplitude;
  const [across, down] = [gridSteps(plane.width, cell), gridSteps(plane.height, cell)];
  const line = new Float32Array(columns);
  eachRow(plane.height, addCloudRow, plane.data, grid, line, across.index, across.ease, down.index, down.ease);
}

function addCloudRow(
  y: number,
  data: Float32Array,
  grid: Float32Array,
  line: Float32Array,
  index: Int32Array,
  ease: Float32Array,
  rows: Int32Array,
  rowEase: Float32Array,
): void {
  const width = index.length;
  const above = (rows[y] as number) * line.length;
  const t = rowEase[y] as number;
  for (let c = 0; c < line.length; c++) {
    const top = grid[above + c] as number;
    line[c] = top + t * ((grid[above + line.length + c] as number) - top);
  }
  for (let x = 0, i = y * width; x < width; x++, i++) {
    const c = index[x] as number;
    const left = line[c] as number;
    data[i] = (data[i] as number) + left + (ease[x] as number) * ((line[c + 1] as number) - left);
  }
}

interface GridSteps {
  readonly index: Int32Array;
  readonly ease: Float32Array;
}

function gridSteps(length: number, cell: number): GridSteps {
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
