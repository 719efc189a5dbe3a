import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { kuwahara } from "../kuwahara.ts";
import { gradient } from "../lines.ts";
import { cloudNoise, fractalNoise, paperTexture } from "../noise.ts";
import { blankLike, clamp, lumaOf, type Plane, smoothstep, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { keepDetail, saturate } from "../tone.ts";

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
  const flat = kuwahara(source, Math.max(2, 5 * unit));
  keepDetail(flat, source, 0.5);
  const washes = wobble(flat, unit, rng);
  letGo(flat);
  saturate(washes, 1.6);
  const luma = lumaOf(washes);
  const slopes = gradient(luma);
  const edges = gaussianBlur(slopes, Math.max(0.7, 1.2 * unit));
  letGo(luma, slopes);
  const flow = fractalNoise(width, height, 110 * unit, 4, rng);
  const paper = paperTexture(width, height, unit, rng);
  const bare = bareBorder(width, height, flow, unit);
  const { data } = washes;
  for (let i = 0, p = 0; i < flow.data.length; i++, p += 4) {
    const border = bare.data[i] as number;
    const rim = border > 0 && border < 1 ? 4 * border * (1 - border) : 0;
    const density =
      1 +
      clamp((edges.data[i] as number) * 9, 0, 0.75) +
      0.5 * (flow.data[i] as number) +
      0.22 * (paper.data[i] as number) +
      0.5 * rim;
    for (let c = p; c < p + 3; c++) {
      const wash = WASHES[data[c] as number] as number;
      const pigment = wash - (wash - wash * wash) * (density - 1);
      data[c] = 255 * (pigment + (0.985 - pigment) * border) - 4 + 3 * (paper.data[i] as number);
    }
  }
  letGo(edges, flow, paper, bare);
  return washes;
}

/** Moves every pixel a little along slow noise, as a hand-drawn edge would be. */
function wobble(source: Raster, unit: number, rng: Rng): Raster {
  const { width, height, data } = source;
  const dx = cloudNoise(width, height, 16 * unit, rng);
  const dy = cloudNoise(width, height, 16 * unit, rng);
  const reach = 2.6 * unit;
  const target = blankLike(source);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const sx = clamp(Math.round(x + reach * (dx.data[i] as number)), 0, width - 1);
      const sy = clamp(Math.round(y + reach * (dy.data[i] as number)), 0, height - 1);
      const from = (sy * width + sx) * 4;
      target.data[i * 4] = data[from] as number;
      target.data[i * 4 + 1] = data[from + 1] as number;
      target.data[i * 4 + 2] = data[from + 2] as number;
    }
  }
  letGo(dx, dy);
  return target;
}

/** 1 where the paper stays bare at the picture's border, 0 inside; the limit follows the noise. */
function bareBorder(width: number, height: number, flow: Plane, unit: number): Plane {
  const out: Plane = { width, height, data: new Float32Array(width * height) };
  const margin = 26 * unit;
  for (let y = 0, i = 0; y < height; y++) {
    const toY = Math.min(y, height - 1 - y);
    for (let x = 0; x < width; x++, i++) {
      const inside = Math.min(toY, x, width - 1 - x) + 62 * unit * (flow.data[i] as number);
      out.data[i] = 1 - smoothstep(margin - 3 * unit, margin + 3 * unit, inside);
    }
  }
  return out;
}
