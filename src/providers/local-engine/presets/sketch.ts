import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { type Paper, paperOf, paperRow, whiteNoise } from "../noise.ts";
import { clamp, eachRow, lumaOf, type Plane, smoothstep, stretchContrast, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { blurred, type Smooth, smoothRow } from "../rows.ts";
import { colourMap, ramp, rgb } from "../tone.ts";

/** How dark the hatching is by the tone around, 0–1 in 1/1023. */
const SHADES = Float32Array.from({ length: 1_024 }, (_, i) => 1 - smoothstep(0.08, 0.72, i / 1_023));

/**
 * Pencil on paper: contours by dividing the tone by its blur (the darkroom's "colour dodge" of an inverted blur),
 * shadows as slanting hatches, and the paper's tooth breaking both.
 */
export function sketch(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const tone = stretchContrast(lumaOf(source));
  const soft = blurred(tone, Math.max(1.5, 7 * unit));
  const hatch = hatching(width, height, Math.max(4, Math.round(16 * unit)), rng);
  const paper = paperOf(width, height, unit, rng);
  eachRow(height, drawRow, tone.data, soft, hatch.data, paper, new Float32Array(width), new Float32Array(width));
  const target = colourMap(source, tone, ramp([rgb("#26262b"), rgb("#8d8c8d"), rgb("#f8f5ee")]));
  letGo(hatch, tone, { data: paper.fibres });
  return target;
}

function drawRow(
  y: number,
  data: Float32Array,
  soft: Smooth,
  hatch: Float32Array,
  paper: Paper,
  softs: Float32Array,
  teeth: Float32Array,
): void {
  smoothRow(soft, y, softs);
  paperRow(paper, y, teeth);
  for (let x = 0, i = y * softs.length; x < softs.length; x++, i++) {
    const around = softs[x] as number;
    const tooth = teeth[x] as number;
    const dodge = Math.min(1, ((data[i] as number) + 0.02) / (around + 0.02));
    const line = clamp(1 - (1 - dodge) * 2.4, 0, 1);
    const shade = SHADES[(around * 1_023) | 0] as number;
    const strokes = shade * (0.42 + 0.36 * clamp((hatch[i] as number) + 0.25 * tooth, -1, 1));
    const graphite = 1 - line * (1 - strokes * 0.82);
    data[i] = 1 - graphite * (0.94 + 0.16 * tooth) - 0.02 + 0.025 * tooth;
  }
}

/** Slanting pencil strokes, about −1 to 1: noise averaged along the diagonal by a running sum. */
function hatching(width: number, height: number, length: number, rng: Rng): Plane {
  const white = whiteNoise(width, height, rng);
  const noise = gaussianBlur(white, 0.7);
  const [sums, counts] = [new Float64Array(width + height), new Int32Array(width + height)];
  eachRow(height, hatchRow, width, noise.data, white.data, length, sums, counts);
  letGo(noise);
  return white;
}

/** `sums` and `counts` are those of each diagonal, named by x + y: strokes rise to the right. */
function hatchRow(
  y: number,
  width: number,
  data: Float32Array,
  hatch: Float32Array,
  length: number,
  sums: Float64Array,
  counts: Int32Array,
): void {
  const gain = 2.6 * Math.sqrt(length) * 0.9;
  // The pixel `length` steps back on the diagonal leaves the sum.
  const leaving = y < length ? 0 : width - length;
  const back = length - length * width;
  for (let x = 0, i = y * width, diagonal = y; x < width; x++, i++, diagonal++) {
    let sum = (sums[diagonal] as number) + (data[i] as number);
    if (x < leaving) sum -= data[i + back] as number;
    else counts[diagonal] = (counts[diagonal] as number) + 1;
    sums[diagonal] = sum;
    hatch[i] = clamp((sum * gain) / (counts[diagonal] as number), -1, 1);
  }
}
