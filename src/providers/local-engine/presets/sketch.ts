import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { paperTexture, whiteNoise } from "../noise.ts";
import { clamp, createPlane, lumaOf, type Plane, smoothstep, stretchContrast, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { colourMap, ramp, rgb } from "../tone.ts";

/**
 * Pencil on paper: contours by dividing the tone by its blur (the darkroom's "colour dodge" of an inverted blur),
 * shadows as slanting hatches, and the paper's tooth breaking both.
 */
export function sketch(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const luma = stretchContrast(lumaOf(source));
  const soft = gaussianBlur(luma, Math.max(1.5, 7 * unit));
  const hatch = hatching(width, height, Math.max(4, Math.round(16 * unit)), rng);
  const paper = paperTexture(width, height, unit, rng);
  const tone = createPlane(width, height);
  for (let i = 0; i < tone.data.length; i++) {
    const around = soft.data[i] as number;
    const tooth = paper.data[i] as number;
    const dodge = clamp(((luma.data[i] as number) + 0.02) / (around + 0.02), 0, 1);
    const line = clamp(1 - (1 - dodge) * 2.4, 0, 1);
    const shade = 1 - smoothstep(0.08, 0.72, around);
    const strokes = shade * (0.42 + 0.36 * clamp((hatch.data[i] as number) + 0.25 * tooth, -1, 1));
    const graphite = 1 - line * (1 - strokes * 0.82);
    tone.data[i] = 1 - graphite * (0.94 + 0.16 * tooth) - 0.02 + 0.025 * tooth;
  }
  letGo(luma, soft, hatch, paper);
  return colourMap(source, tone, ramp([rgb("#26262b"), rgb("#8d8c8d"), rgb("#f8f5ee")]));
}

/** Slanting pencil strokes, about −1 to 1: noise averaged along the diagonal by a running sum. */
function hatching(width: number, height: number, length: number, rng: Rng): Plane {
  const white = whiteNoise(width, height, rng);
  const noise = gaussianBlur(white, 0.7);
  const out = createPlane(width, height);
  const sums = new Float64Array(width + height);
  const counts = new Int32Array(width + height);
  const gain = 2.6 * Math.sqrt(length) * 0.9;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Strokes rise to the right: x + y names the diagonal, and the pixel `length` steps back on it leaves the sum.
      const diagonal = x + y;
      const left = x + length < width && y - length >= 0;
      const sum = (sums[diagonal] as number) + (noise.data[y * width + x] as number);
      const leaving = left ? (noise.data[(y - length) * width + x + length] as number) : 0;
      sums[diagonal] = sum - leaving;
      if (!left) counts[diagonal] = (counts[diagonal] as number) + 1;
      out.data[y * width + x] = clamp(((sum - leaving) / Math.max(1, counts[diagonal] as number)) * gain, -1, 1);
    }
  }
  letGo(white, noise);
  return out;
}
