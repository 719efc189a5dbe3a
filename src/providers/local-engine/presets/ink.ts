import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { inkLines } from "../lines.ts";
import { cloudNoise, paperTexture } from "../noise.ts";
import { clamp, lumaOf, stretchContrast, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { colourMap, ramp, rgb } from "../tone.ts";

/** Brush and ink: XDoG lines with solid shadows; the seed sets the brush's wavering and the paper. */
export function ink(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const luma = stretchContrast(lumaOf(source));
  const waver = cloudNoise(width, height, Math.max(2, 9 * unit), rng);
  for (let i = 0; i < luma.data.length; i++) {
    luma.data[i] = (luma.data[i] as number) + 0.035 * (waver.data[i] as number);
  }
  const tone = inkLines(luma, { sigma: Math.max(0.8, 1.7 * unit), sharpness: 17, threshold: 0.47, steepness: 9 });
  const paper = paperTexture(width, height, unit, rng);
  for (let i = 0; i < tone.data.length; i++) {
    const value = tone.data[i] as number;
    tone.data[i] = clamp(value * (0.97 + 0.03 * (paper.data[i] as number)), 0, 1);
  }
  letGo(luma, waver, paper);
  return colourMap(source, tone, ramp([rgb("#12131a"), rgb("#7d7a78"), rgb("#fbf7ec")]));
}
