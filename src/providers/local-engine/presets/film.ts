import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { grain } from "../noise.ts";
import { blankLike, clamp, createPlane, lumaOf, stretchContrast, unitOf } from "../plane.ts";
import { pick, type Rng } from "../rng.ts";
import { colourMap, curve, ramp, rgb, sCurve, squaredOffsets } from "../tone.ts";

/** Black and white film: red filter, deep shadows, glowing highlights, coarse grain and a dark rim. */
export function noir(source: Raster, rng: Rng): Raster {
  const { width, height, data } = source;
  const unit = unitOf(source);
  const tone = createPlane(width, height);
  for (let i = 0, p = 0; i < tone.data.length; i++, p += 4) {
    tone.data[i] = ((data[p] as number) * 0.5 + (data[p + 1] as number) * 0.4 + (data[p + 2] as number) * 0.1) / 255;
  }
  stretchContrast(tone);
  const around = gaussianBlur(tone, Math.max(4, 26 * unit));
  const noise = grain(width, height, Math.max(0.6, 0.9 * unit), rng);
  const dx = squaredOffsets(width);
  const dy = squaredOffsets(height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const light = tone.data[i] as number;
      const soft = around.data[i] as number;
      const local = clamp(light + 0.45 * (light - soft), 0, 1);
      const deep = sCurve(sCurve(local, 0.9), 0.6) * (0.86 + 0.14 * local);
      const glow = 1 - (1 - deep) * (1 - 0.16 * soft * soft);
      const corner = (dx[x] as number) + (dy[y] as number);
      const rim = 1 - 0.85 * corner * Math.sqrt(corner);
      tone.data[i] = clamp(glow, 0, 1) * rim + 0.035 * (noise.data[i] as number) * (0.4 + 0.6 * (1 - deep));
    }
  }
  letGo(around, noise);
  return colourMap(source, tone, ramp([rgb("#07080b"), rgb("#7c7d80"), rgb("#f6f5f1")]));
}

/** Faded colour print: lifted shadows, warm lights, green-blue shades, bloom, grain and a light leak from one side. */
export function vintage(source: Raster, rng: Rng): Raster {
  const { width, height, data } = source;
  const unit = unitOf(source);
  const target = blankLike(source);
  const curves = [
    curve((v) => 0.1 + 0.9 * sCurve(v, 0.45) ** 0.92),
    curve((v) => 0.09 + 0.87 * sCurve(v, 0.4)),
    curve((v) => 0.17 + 0.66 * v),
  ] as const;
  const luma = lumaOf(source);
  const bloom = gaussianBlur(luma, Math.max(3, 22 * unit));
  const noise = grain(width, height, Math.max(0.6, unit), rng);
  const leak = pick(rng, [
    { x: -0.05, y: 0.25 },
    { x: 1.05, y: 0.2 },
    { x: 1.05, y: 0.8 },
    { x: -0.05, y: 0.75 },
  ]);
  const reach = 0.23 + 0.12 * rng();
  const fireX = fadeFrom(width, leak.x, reach);
  const fireDown = fadeFrom(height, leak.y, reach / 0.6);
  const dx = squaredOffsets(width);
  const dy = squaredOffsets(height);
  for (let y = 0, i = 0, p = 0; y < height; y++) {
    const fireY = 0.85 * (fireDown[y] as number);
    for (let x = 0; x < width; x++, i++, p += 4) {
      const fire = fireY * (fireX[x] as number);
      const grey = 0.3 * (data[p] as number) + 0.59 * (data[p + 1] as number) + 0.11 * (data[p + 2] as number);
      const soft = 38 * (bloom.data[i] as number) * (bloom.data[i] as number);
      const corner = (dx[x] as number) + (dy[y] as number);
      const rim = 1 - 0.62 * corner * Math.sqrt(corner);
      const speck = 4.2 * (noise.data[i] as number);
      for (let c = 0; c < 3; c++) {
        const faded = grey + ((data[p + c] as number) - grey) * 0.9;
        const toned = (curves[c] as Uint8ClampedArray)[clamp(faded, 0, 255) | 0] as number;
        const lit = (255 - (255 - toned) * (1 - soft / 255)) * rim + speck;
        const flare = fire * (c === 0 ? 1 : c === 1 ? 0.46 : 0.12);
        target.data[p + c] = 255 - (255 - lit) * (1 - flare);
      }
    }
  }
  letGo(luma, bloom, noise);
  return target;
}

/** A bell around `at` (0–1 of the length) for every column or row; `reach` is where it has fallen to 1/e. */
function fadeFrom(length: number, at: number, reach: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.exp(-(((i / length - at) / reach) ** 2)));
}
