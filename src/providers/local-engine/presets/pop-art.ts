import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { gaussianBlur } from "../blur.ts";
import { kuwahara } from "../kuwahara.ts";
import { outlines } from "../lines.ts";
import { blankLike, clamp, lumaOf, type Plane, smoothstep, stretchContrast, unitOf } from "../plane.ts";
import { pick, type Rng } from "../rng.ts";
import { keepDetail, type Rgb, rgb } from "../tone.ts";

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
  const smooth = kuwahara(source, Math.max(2, 4 * unit));
  keepDetail(smooth, source, 0.6);
  const flat = stretchContrast(lumaOf(smooth));
  letGo(smooth);
  const around = gaussianBlur(flat, Math.max(4, 40 * unit));
  for (let i = 0; i < flat.data.length; i++) {
    const tone = flat.data[i] as number;
    flat.data[i] = clamp(tone + 0.3 * (tone - (around.data[i] as number)), 0, 1);
  }
  letGo(around);
  const lines = outlines(flat, Math.max(0.9, 2.2 * unit), 30);
  const target = blankLike(source);
  print(target, flat, lines, palette, Math.max(4.5, 10 * unit), rng);
  letGo(flat, lines);
  return target;
}

/** Lays colours, dots and lines; `pitch` is the distance between dots in pixels. */
function print(
  { width, data }: Raster,
  tone: Plane,
  lines: Plane,
  palette: readonly Rgb[],
  pitch: number,
  rng: Rng,
): void {
  const angle = Math.PI / 4 + (rng() - 0.5) * 0.5;
  const cos = Math.cos(angle) / pitch;
  const sin = Math.sin(angle) / pitch;
  const steps = palette.length - 1;
  for (let i = 0, p = 0; i < tone.data.length; i++, p += 4) {
    const x = i % width;
    const y = (i - x) / width;
    const u = x * cos + y * sin;
    const v = y * cos - x * sin;
    const du = u - Math.round(u);
    const dv = v - Math.round(v);
    const fromDot = Math.sqrt(du * du + dv * dv);
    const at = (tone.data[i] as number) * (steps + 0.98) - 0.49;
    const level = clamp(Math.floor(at), 0, steps - 1);
    const part = clamp(at - level, 0, 1);
    // Near a palette colour the print is flat; halfway to the next one dots of the darker colour shrink.
    const radius = part < 0.3 ? 1 : part > 0.78 ? 0 : 0.56 * Math.sqrt(1 - (part - 0.3) / 0.56);
    const dot = 1 - smoothstep(radius - 0.5 / pitch, radius + 0.5 / pitch, fromDot);
    const dark = palette[level] as Rgb;
    const light = palette[level + 1] as Rgb;
    const paper = lines.data[i] as number;
    for (let c = 0; c < 3; c++) {
      const colour = (light[c] as number) + ((dark[c] as number) - (light[c] as number)) * dot;
      data[p + c] = (OUTLINE[c] as number) + (colour - (OUTLINE[c] as number)) * paper;
    }
  }
}
