import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { kuwahara, repainted } from "../kuwahara.ts";
import { gradient } from "../lines.ts";
import { clouds, fractalClouds, type Paper, paperOf, paperRow } from "../noise.ts";
import { blankLike, clamp, eachRow, lumaOf, smoothstep, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { type Smooth, smoothRow } from "../rows.ts";

/** Paint thinned with water: dark colours lift most. */
const WASHES = Float32Array.from({ length: 256 }, (_, value) => 0.24 + 0.76 * (value / 255) ** 0.7);

/**
 * Watercolour by pigment density (Bousseau et al., "Interactive Watercolor Rendering with Temporal Coherence and
 * Abstraction", 2006): washes on wobbling edges, darker where pigment gathers, thinner on the paper's grain, paper left bare
 * around the picture.
 */
export function watercolor(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const patches = kuwahara(source, Math.max(2, 5 * unit));
  const flat = repainted(patches, source, { detail: 0.5, saturation: 1.6 });
  const washes = wobble(flat, unit, rng);
  letGo(patches.raster, flat);
  const luma = lumaOf(washes);
  const slopes = gradient(luma);
  const edges = gaussianBlur(slopes, Math.max(0.7, 1.2 * unit));
  letGo(luma, slopes);
  const flow = fractalClouds(width, height, 110 * unit, 4, rng);
  const paper = paperOf(width, height, unit, rng);
  const lines = [new Float32Array(width), new Float32Array(width)] as const;
  eachRow(height, washRow, height, washes.data, edges.data, flow, paper, lines, unit);
  letGo(edges, { data: paper.fibres });
  return washes;
}

type Lines = readonly [Float32Array, Float32Array];

function washRow(
  y: number,
  height: number,
  data: Uint8ClampedArray,
  edges: Float32Array,
  flow: Smooth,
  paper: Paper,
  lines: Lines,
  unit: number,
): void {
  const [drift, teeth] = lines;
  smoothRow(flow, y, drift);
  paperRow(paper, y, teeth);
  const width = drift.length;
  const toEdge = Math.min(y, height - 1 - y);
  for (let x = 0, i = y * width; x < width; x++, i++) {
    const tooth = teeth[x] as number;
    // The paper stays bare at the picture's border; the limit follows the noise.
    const inside = Math.min(toEdge, x, width - 1 - x) + 62 * unit * (drift[x] as number);
    const border = inside >= 29 * unit ? 0 : 1 - smoothstep(23 * unit, 29 * unit, inside);
    const gathered = Math.min((edges[i] as number) * 9, 0.75);
    const rim = 2 * border * (1 - border);
    const thickness = gathered + 0.5 * (drift[x] as number) + 0.22 * tooth + rim;
    const light = 3 * tooth - 4;
    data[4 * i] = light + 255 * washed(data[4 * i] as number, thickness, border);
    data[4 * i + 1] = light + 255 * washed(data[4 * i + 1] as number, thickness, border);
    data[4 * i + 2] = light + 255 * washed(data[4 * i + 2] as number, thickness, border);
  }
}

function washed(value: number, thickness: number, border: number): number {
  const wash = WASHES[value] as number;
  const pigment = wash - (wash - wash * wash) * thickness;
  return pigment + (0.985 - pigment) * border;
}

/** Moves every pixel a little along slow noise, as a hand-drawn edge would be. */
function wobble(source: Raster, unit: number, rng: Rng): Raster {
  const { width, height } = source;
  const target = blankLike(source);
  const across = clouds(width, height, 16 * unit, rng);
  const down = clouds(width, height, 16 * unit, rng);
  const lines = [new Float32Array(width), new Float32Array(width)] as const;
  eachRow(height, wobbleRow, height, source.data, target.data, across, down, lines, 2.6 * unit);
  return target;
}

function wobbleRow(
  y: number,
  height: number,
  data: Uint8ClampedArray,
  out: Uint8ClampedArray,
  across: Smooth,
  down: Smooth,
  lines: Lines,
  reach: number,
): void {
  const [dx, dy] = lines;
  smoothRow(across, y, dx);
  smoothRow(down, y, dy);
  const width = dx.length;
  for (let x = 0, p = y * width * 4; x < width; x++, p += 4) {
    const sx = clamp(x + reach * (dx[x] as number) + 0.5, 0, width - 1) | 0;
    const sy = clamp(y + reach * (dy[x] as number) + 0.5, 0, height - 1) | 0;
    const from = (sy * width + sx) * 4;
    out[p] = data[from] as number;
    out[p + 1] = data[from + 1] as number;
    out[p + 2] = data[from + 2] as number;
  }
}
