import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { inkLines } from "../lines.ts";
import { clouds, type Paper, paperOf, paperRow } from "../noise.ts";
import { eachRow, lumaOf, stretchContrast, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { type Smooth, smoothRow } from "../rows.ts";
import { colourMap, ramp, rgb } from "../tone.ts";

/** Brush and ink: XDoG lines with solid shadows; the seed sets the brush's wavering and the paper. */
export function ink(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const luma = stretchContrast(lumaOf(source));
  const line = new Float32Array(width);
  const waver = clouds(width, height, Math.max(2, 9 * unit), rng);
  eachRow(height, waverRow, luma.data, waver, line);
  const tone = inkLines(luma, { sigma: Math.max(0.8, 1.7 * unit), sharpness: 17, threshold: 0.47, steepness: 9 });
  letGo(luma);
  const paper = paperOf(width, height, unit, rng);
  eachRow(height, soakRow, tone.data, paper, line);
  const target = colourMap(source, tone, ramp([rgb("#12131a"), rgb("#7d7a78"), rgb("#fbf7ec")]));
  letGo(tone, { data: paper.fibres });
  return target;
}

function waverRow(y: number, data: Float32Array, waver: Smooth, line: Float32Array): void {
  smoothRow(waver, y, line);
  for (let x = 0, i = y * line.length; x < line.length; x++, i++)
    data[i] = (data[i] as number) + 0.035 * (line[x] as number);
}

function soakRow(y: number, data: Float32Array, paper: Paper, line: Float32Array): void {
  paperRow(paper, y, line);
  for (let x = 0, i = y * line.length; x < line.length; x++, i++) {
    data[i] = (data[i] as number) * (0.97 + 0.03 * (line[x] as number));
  }
}
