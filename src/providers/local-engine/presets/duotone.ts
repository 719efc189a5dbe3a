import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { grain } from "../noise.ts";
import { clamp, lumaOf, stretchContrast, unitOf } from "../plane.ts";
import { pick, type Rng } from "../rng.ts";
import { colourMap, ramp, rgb, sCurve } from "../tone.ts";

/** Shadow, middle and light of each pair of inks. */
const INKS = [
  ["#1b1464", "#c3265f", "#ffd166"],
  ["#0b1d51", "#1f8a9e", "#f5f0bb"],
  ["#2a0845", "#c2185b", "#ffc9a3"],
  ["#06283d", "#3a7ca5", "#ffe3d8"],
  ["#14213d", "#d1495b", "#fdf0d5"],
  ["#10002b", "#7b2cbf", "#8ef6e4"],
  ["#081c15", "#40916c", "#fefae0"],
  ["#240046", "#e85d04", "#fff3b0"],
] as const;

/** Two printing inks on one picture; the seed chooses the pair. */
export function duotone(source: Raster, rng: Rng): Raster {
  const unit = unitOf(source);
  const inks = pick(rng, INKS);
  const tone = stretchContrast(lumaOf(source));
  const around = gaussianBlur(tone, Math.max(4, 30 * unit));
  const noise = grain(source.width, source.height, 0.6, rng);
  for (let i = 0; i < tone.data.length; i++) {
    const light = tone.data[i] as number;
    const local = clamp(light + 0.35 * (light - (around.data[i] as number)), 0, 1);
    tone.data[i] = sCurve(local, 0.7) + 0.012 * (noise.data[i] as number);
  }
  letGo(around, noise);
  return colourMap(source, tone, ramp(inks.map(rgb)));
}
