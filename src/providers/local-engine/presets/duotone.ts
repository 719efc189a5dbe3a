import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { grainTile, type Tile, tileRow } from "../noise.ts";
import { clamp, eachRow, lumaOf, stretchContrast, unitOf } from "../plane.ts";
import { pick, type Rng } from "../rng.ts";
import { blurred, type Smooth, smoothRow } from "../rows.ts";
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
  const { width, height } = tone;
  const around = blurred(tone, Math.max(4, 30 * unit));
  const grain = grainTile(0.6, rng);
  eachRow(height, toneRow, tone.data, around, grain, new Float32Array(width), new Float32Array(width));
  const target = colourMap(source, tone, ramp(inks.map(rgb)));
  letGo(tone, { data: grain });
  return target;
}

function toneRow(
  y: number,
  data: Float32Array,
  around: Smooth,
  grain: Tile,
  soft: Float32Array,
  noise: Float32Array,
): void {
  smoothRow(around, y, soft);
  tileRow(grain, y, noise);
  const width = soft.length;
  for (let x = 0, i = y * width; x < width; x++, i++) {
    const light = data[i] as number;
    const local = clamp(light + 0.35 * (light - (soft[x] as number)), 0, 1);
    data[i] = sCurve(local, 0.7) + 0.012 * (noise[x] as number);
  }
}
