import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { kuwahara, type Patches } from "../kuwahara.ts";
import { labOf, labRow } from "../lab.ts";
import { outlines } from "../lines.ts";
import { blankLike, clamp, eachRow, lumaOf, softTanh, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { Smooth, smoothRow } from "../rows.ts";

/** Distance between the steps and steepness of the change between them, in and per unit of L*. */
const STEP = 12;
const SHARPNESS = 0.7;
const FINENESS = 32;
/** How much L* changes with luma. */
const LIGHTNESS = 100;

/**
 * Animation cel: smoothed colour with lightness in soft steps (Winnemöller, Olsen & Gooch, "Real-Time Video
 * Abstraction", 2006), vivid hues and dark outlines. The seed shifts where the steps fall.
 */
export function cartoon(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const patches = kuwahara(source, Math.max(2, 4 * unit));
  const smooth = smoothLab(patches);
  letGo(patches.raster);
  const luma = lumaOf(source);
  const lines = outlines(luma, Math.max(0.9, 1.8 * unit), 34);
  const target = blankLike(source);
  const room = () => new Float32Array(width);
  const rows: Rows = [room(), room(), room(), room()];
  eachRow(height, celRow, target.data, luma.data, lines.data, smooth, rows, stepsFrom(rng() * STEP));
  letGo(luma, lines, ...smooth);
  return target;
}

/** What becomes of an L* of 0–100, in 1/{@link FINENESS}, with a boundary between steps at `phase`. */
function stepsFrom(phase: number): Float32Array {
  return Float32Array.from({ length: 100 * FINENESS + 1 }, (_, i) => {
    const light = i / FINENESS;
    const boundary = Math.round((light - phase) / STEP) * STEP + phase;
    const stepped = boundary + (STEP / 2) * softTanh((light - boundary) * SHARPNESS);
    return clamp(3 + stepped * 1.05, 0, 100);
  });
}

/** The patches' L*, a*, b* and luma. */
type Colours = readonly [Smooth, Smooth, Smooth, Smooth];
/** Room for a row of each. */
type Rows = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

function smoothLab({ raster, factor }: Patches): Colours {
  const { width, height, l, a, b } = labOf(raster);
  const large = (data: Float32Array<ArrayBuffer>) => new Smooth({ width, height, data }, factor);
  return [large(l), large(a), large(b), new Smooth(lumaOf(raster), factor)];
}

function celRow(
  y: number,
  data: Uint8ClampedArray,
  luma: Float32Array,
  lines: Float32Array,
  smooth: Colours,
  rows: Rows,
  steps: Float32Array,
): void {
  const [l, a, b, around] = rows;
  smoothRow(smooth[0], y, l);
  smoothRow(smooth[1], y, a);
  smoothRow(smooth[2], y, b);
  smoothRow(smooth[3], y, around);
  for (let x = 0, i = y * l.length; x < l.length; x++, i++) {
    const detail = clamp(0.45 * ((luma[i] as number) - (around[x] as number)), -0.24, 0.24);
    const light = clamp((l[x] as number) + LIGHTNESS * detail, 0, 100);
    l[x] = (steps[(light * FINENESS + 0.5) | 0] as number) * (0.1 + 0.9 * (lines[i] as number));
    a[x] = (a[x] as number) * 1.4;
    b[x] = (b[x] as number) * 1.4;
  }
  labRow(l, a, b, data, y * l.length * 4);
}
