import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { kuwahara } from "../kuwahara.ts";
import { outlines } from "../lines.ts";
import { blankLike, clamp, eachRow, lumaOf, type Plane, smoothstep, stretchContrast, unitOf } from "../plane.ts";
import { pick, type Rng } from "../rng.ts";
import { blurred, Smooth, smoothRow } from "../rows.ts";
import { type Rgb, rgb } from "../tone.ts";

/** From dark to light: four flat printing colours, the last one also the paper between the dots. */
const PALETTES = [
  ["#23127a", "#f0257f", "#ffc928", "#fff5d6"],
  ["#0d2c8c", "#e6308a", "#2fc4d6", "#fff6d0"],
  ["#4a0f6b", "#0f9bd7", "#ffd60a", "#fffbe8"],
  ["#0b2d6b", "#ef3e36", "#ffc533", "#fff3d6"],
  ["#1d1d5c", "#00a878", "#fee440", "#fff8e1"],
] as const;
const OUTLINE: Rgb = [18, 14, 26];

/** Screen print: four flat colours, dots of the darker one between steps, thick outlines. The seed picks the palette. */
export function popArt(source: Raster, rng: Rng): Raster {
  const unit = unitOf(source);
  const palette = pick(rng, PALETTES).map(rgb);
  const flat = flatTone(source, unit);
  const lines = outlines(flat, Math.max(0.9, 2.2 * unit), 30);
  const target = blankLike(source);
  print(target, flat, lines, palette, Math.max(4.5, 10 * unit), rng);
  letGo(flat, lines);
  return target;
}

/** Lightness in patches, with some of its detail, and more contrast between neighbouring ones. */
function flatTone(source: Raster, unit: number): Plane {
  const { raster, factor } = kuwahara(source, Math.max(2, 4 * unit));
  const patches = new Smooth(lumaOf(raster), factor);
  letGo(raster);
  const tone = lumaOf(source);
  const line = new Float32Array(source.width);
  eachRow(source.height, patchRow, tone.data, patches, line);
  letGo(patches);
  const around = blurred(stretchContrast(tone), Math.max(4, 40 * unit));
  eachRow(source.height, contrastRow, tone.data, around, line);
  return tone;
}

function patchRow(y: number, data: Float32Array, patches: Smooth, line: Float32Array): void {
  smoothRow(patches, y, line);
  for (let x = 0, i = y * line.length; x < line.length; x++, i++) {
    const patch = line[x] as number;
    data[i] = patch + clamp(0.6 * ((data[i] as number) - patch), -0.24, 0.24);
  }
}

function contrastRow(y: number, data: Float32Array, around: Smooth, line: Float32Array): void {
  smoothRow(around, y, line);
  for (let x = 0, i = y * line.length; x < line.length; x++, i++) {
    const light = data[i] as number;
    data[i] = clamp(light + 0.3 * (light - (line[x] as number)), 0, 1);
  }
}

/** Lays colours, dots and lines; `pitch` is the distance between dots in pixels. */
function print(target: Raster, tone: Plane, lines: Plane, palette: readonly Rgb[], pitch: number, rng: Rng): void {
  const angle = Math.PI / 4 + (rng() - 0.5) * 0.5;
  const screen = Float64Array.of(Math.cos(angle) / pitch, Math.sin(angle) / pitch, 0.5 / pitch);
  const colours = Float32Array.from(palette.flat());
  eachRow(target.height, printRow, target.width, target.data, tone.data, lines.data, colours, screen);
}

/** `colours` go from dark to light; `screen` is the cosine and sine of its angle, in dots a pixel, and the dots' softness. */
function printRow(
  y: number,
  width: number,
  data: Uint8ClampedArray,
  tone: Float32Array,
  lines: Float32Array,
  colours: Float32Array,
  screen: Float64Array,
): void {
  const cos = screen[0] as number;
  const sin = screen[1] as number;
  const soft = screen[2] as number;
  const [red, green, blue] = OUTLINE;
  const steps = colours.length / 3 - 1;
  for (let x = 0, i = y * width; x < width; x++, i++) {
    const at = (tone[i] as number) * (steps + 0.98) - 0.49;
    const level = clamp(at, 0, steps - 1) | 0;
    const dot = dotAt(clamp(at - level, 0, 1), x * cos + y * sin, y * cos - x * sin, soft);
    const paper = lines[i] as number;
    const dark = level * 3;
    const r = (colours[dark + 3] as number) * (1 - dot) + (colours[dark] as number) * dot;
    const g = (colours[dark + 4] as number) * (1 - dot) + (colours[dark + 1] as number) * dot;
    const b = (colours[dark + 5] as number) * (1 - dot) + (colours[dark + 2] as number) * dot;
    data[4 * i] = red + (r - red) * paper;
    data[4 * i + 1] = green + (g - green) * paper;
    data[4 * i + 2] = blue + (b - blue) * paper;
  }
}

/**
 * How much of the darker colour is at a place, `part` of the way to the lighter one. Near a palette colour the print is
 * flat; halfway to the next one dots of the darker colour shrink. `u` and `v` count dots; edges are `soft` to both sides.
 */
function dotAt(part: number, u: number, v: number, soft: number): number {
  if (part < 0.3) return 1;
  if (part > 0.78) return 0;
  const du = u - Math.floor(u + 0.5);
  const dv = v - Math.floor(v + 0.5);
  const radius = 0.56 * Math.sqrt(1 - (part - 0.3) / 0.56);
  return 1 - smoothstep(radius - soft, radius + soft, Math.sqrt(du * du + dv * dv));
}
