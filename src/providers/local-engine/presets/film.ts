import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { grainTile, type Tile, tileRow } from "../noise.ts";
import { blankLike, clamp, eachRow, lumaOf, stretchContrast, unitOf, weighted } from "../plane.ts";
import { pick, type Rng } from "../rng.ts";
import { blurred, type Smooth, smoothRow } from "../rows.ts";
import { colourMap, curve, ramp, rgb, sCurve, squaredOffsets } from "../tone.ts";

/** Where a pixel is: squared distances from the centre of columns and of rows. And room for a row of blur and of grain. */
type Frame = readonly [dx: Float32Array, dy: Float32Array, softs: Float32Array, noise: Float32Array];

function frameOf({ width, height }: Raster): Frame {
  return [squaredOffsets(width), squaredOffsets(height), new Float32Array(width), new Float32Array(width)];
}

/** Black and white film: red filter, deep shadows, glowing highlights, coarse grain and a dark rim. */
export function noir(source: Raster, rng: Rng): Raster {
  const unit = unitOf(source);
  const tone = stretchContrast(weighted(source, 0.5, 0.4, 0.1));
  const blur = blurred(tone, Math.max(4, 26 * unit));
  const grain = grainTile(Math.max(0.6, 0.9 * unit), rng);
  eachRow(source.height, darkenRow, tone.data, blur, grain, frameOf(source));
  const target = colourMap(source, tone, ramp([rgb("#07080b"), rgb("#7c7d80"), rgb("#f6f5f1")]));
  letGo(tone, { data: grain });
  return target;
}

function darkenRow(y: number, data: Float32Array, blur: Smooth, grain: Tile, frame: Frame): void {
  const [dx, dy, softs, noise] = frame;
  smoothRow(blur, y, softs);
  tileRow(grain, y, noise);
  const width = dx.length;
  const down = dy[y] as number;
  for (let x = 0, i = y * width; x < width; x++, i++) {
    const light = data[i] as number;
    const soft = softs[x] as number;
    const local = clamp(light + 0.45 * (light - soft), 0, 1);
    const deep = sCurve(sCurve(local, 0.9), 0.6) * (0.86 + 0.14 * local);
    const glow = 1 - (1 - deep) * (1 - 0.16 * soft * soft);
    const corner = (dx[x] as number) + down;
    const rim = 1 - 0.85 * corner * Math.sqrt(corner);
    data[i] = clamp(glow, 0, 1) * rim + 0.035 * (noise[x] as number) * (0.4 + 0.6 * (1 - deep));
  }
}

/** Where light may get into the camera, in shares of the picture. */
const LEAKS = [
  { x: -0.05, y: 0.25 },
  { x: 1.05, y: 0.2 },
  { x: 1.05, y: 0.8 },
  { x: -0.05, y: 0.75 },
] as const;

/** Faded colour print: lifted shadows, warm lights, green-blue shades, bloom, grain and a light leak from one side. */
export function vintage(source: Raster, rng: Rng): Raster {
  const { width, height } = source;
  const unit = unitOf(source);
  const target = blankLike(source);
  const luma = lumaOf(source);
  const blur = blurred(luma, Math.max(3, 22 * unit));
  letGo(luma);
  const leak = pick(rng, LEAKS);
  const reach = 0.23 + 0.12 * rng();
  const fire = [fadeFrom(width, leak.x, reach), fadeFrom(height, leak.y, reach / 0.6)] as const;
  const grain = grainTile(Math.max(0.6, unit), rng);
  eachRow(height, fadeRow, target.data, printCurves(), fire, blur, grain, frameOf(source));
  letGo({ data: grain });
  return target;
}

/** `curves` are those of red, green and blue, `fire` is the leaking light by column and by row. */
function fadeRow(
  y: number,
  data: Uint8ClampedArray,
  curves: readonly [Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray],
  fire: readonly [across: Float32Array, down: Float32Array],
  blur: Smooth,
  grain: Tile,
  frame: Frame,
): void {
  const [dx, dy, softs, noise] = frame;
  const [across, fireDown] = fire;
  smoothRow(blur, y, softs);
  tileRow(grain, y, noise);
  const width = dx.length;
  const [reds, greens, blues] = curves;
  const heat = 0.85 * (fireDown[y] as number);
  const down = dy[y] as number;
  for (let x = 0, p = y * width * 4; x < width; x++, p += 4) {
    const r = data[p] as number;
    const g = data[p + 1] as number;
    const b = data[p + 2] as number;
    const grey = 0.1 * (0.3 * r + 0.59 * g + 0.11 * b);
    const corner = (dx[x] as number) + down;
    const rim = 1 - 0.62 * corner * Math.sqrt(corner);
    const soft = softs[x] as number;
    const shade = (1 - (38 / 255) * soft * soft) * rim;
    const light = 255 * rim + 4.2 * (noise[x] as number);
    const red = light - (255 - (reds[(grey + 0.9 * r) | 0] as number)) * shade;
    const green = light - (255 - (greens[(grey + 0.9 * g) | 0] as number)) * shade;
    const blue = light - (255 - (blues[(grey + 0.9 * b) | 0] as number)) * shade;
    const flare = heat * (across[x] as number);
    data[p] = red + (255 - red) * flare;
    data[p + 1] = green + (255 - green) * flare * 0.46;
    data[p + 2] = blue + (255 - blue) * flare * 0.12;
  }
}

function printCurves() {
  return [
    curve((v) => 0.1 + 0.9 * sCurve(v, 0.45) ** 0.92),
    curve((v) => 0.09 + 0.87 * sCurve(v, 0.4)),
    curve((v) => 0.17 + 0.66 * v),
  ] as const;
}

/** A bell around `at` (0–1 of the length) for every column or row; `reach` is where it has fallen to 1/e. */
function fadeFrom(length: number, at: number, reach: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.exp(-(((i / length - at) / reach) ** 2)));
}
