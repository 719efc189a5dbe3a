import type { Raster } from "../../ports/image-codec.ts";
import { eachRow } from "./plane.ts";

/** A colour in CIE L*a*b* (D65): L 0–100, a and b about −100 to 100. */
export type Lab = readonly [l: number, a: number, b: number];

/** A raster's colours in CIE L*a*b*, a plane each. */
export interface LabPlanes {
  readonly width: number;
  readonly height: number;
  readonly l: Float32Array<ArrayBuffer>;
  readonly a: Float32Array<ArrayBuffer>;
  readonly b: Float32Array<ArrayBuffer>;
}

const STEPS = 4096;
const linearOf = new Float32Array(256);
/** sRGB byte values of linear light in 1/4096. */
const encodedOf = new Float32Array(STEPS + 1);
/** CIE's f(t), the cube root with a linear foot, in 1/4096 of t from 0 to 1. */
const rootOf = new Float32Array(STEPS + 2);
for (let i = 0; i < 256; i++) {
  const value = i / 255;
  linearOf[i] = value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}
for (let i = 0; i <= STEPS; i++) {
  const t = i / STEPS;
  encodedOf[i] = 255 * (t <= 0.0031308 ? 12.92 * t : 1.055 * t ** (1 / 2.4) - 0.055);
  rootOf[i] = t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116;
}
rootOf[STEPS + 1] = rootOf[STEPS] as number;

function root(t: number): number {
  const at = t * STEPS;
  const i = at < STEPS ? at | 0 : STEPS;
  const low = rootOf[i] as number;
  return low + (at - i) * ((rootOf[i + 1] as number) - low);
}

function cube(t: number): number {
  return t > 6 / 29 ? t * t * t : (t - 16 / 116) * (108 / 841);
}

function encode(linear: number): number {
  return encodedOf[linear <= 0 ? 0 : linear >= 1 ? STEPS : (linear * STEPS + 0.5) | 0] as number;
}

/** ΔE*ab (CIE 1976) between a pixel and a colour. Math.hypot would take several times as long. */
export function distanceTo(lab: LabPlanes, i: number, [l, a, b]: Lab): number {
  const dl = (lab.l[i] as number) - l;
  const da = (lab.a[i] as number) - a;
  const db = (lab.b[i] as number) - b;
  return Math.sqrt(dl * dl + da * da + db * db);
}

/** ΔE*ab between two pixels. */
export function distanceBetween(lab: LabPlanes, i: number, j: number): number {
  const dl = (lab.l[i] as number) - (lab.l[j] as number);
  const da = (lab.a[i] as number) - (lab.a[j] as number);
  const db = (lab.b[i] as number) - (lab.b[j] as number);
  return Math.sqrt(dl * dl + da * da + db * db);
}

/** Every pixel's colour; alpha is left out. */
export function labOf({ width, height, data }: Raster): LabPlanes {
  const count = width * height;
  const lab = { width, height, l: new Float32Array(count), a: new Float32Array(count), b: new Float32Array(count) };
  eachRow(height, rowToLab, width, data, lab.l, lab.a, lab.b);
  return lab;
}

function rowToLab(
  row: number,
  width: number,
  data: Uint8ClampedArray,
  l: Float32Array,
  a: Float32Array,
  b: Float32Array,
): void {
  for (let i = row * width, p = i * 4; i < (row + 1) * width; i++, p += 4) {
    const red = linearOf[data[p] as number] as number;
    const green = linearOf[data[p + 1] as number] as number;
    const blue = linearOf[data[p + 2] as number] as number;
    const x = root((0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) * (1 / 0.95047));
    const y = root(0.2126729 * red + 0.7151522 * green + 0.072175 * blue);
    const z = root((0.0193339 * red + 0.119192 * green + 0.9503041 * blue) * (1 / 1.08883));
    l[i] = 116 * y - 16;
    a[i] = 500 * (x - y);
    b[i] = 200 * (y - z);
  }
}

/** Writes the colours into a raster of the same size, clipped to sRGB; its alpha stays. */
export function labInto({ l, a, b }: LabPlanes, { width, height, data }: Raster): void {
  eachRow(height, (y) => {
    const [from, to] = [y * width, (y + 1) * width];
    labRow(l.subarray(from, to), a.subarray(from, to), b.subarray(from, to), data, from * 4);
  });
}

/** {@link labInto} for a row, whose pixels begin at `start`. */
export function labRow(
  l: Float32Array,
  a: Float32Array,
  b: Float32Array,
  data: Uint8ClampedArray,
  start: number,
): void {
  for (let i = 0, p = start; i < l.length; i++, p += 4) {
    const fy = ((l[i] as number) + 16) * (1 / 116);
    const x = cube(fy + (a[i] as number) * (1 / 500)) * 0.95047;
    const y = cube(fy);
    const z = cube(fy - (b[i] as number) * (1 / 200)) * 1.08883;
    data[p] = encode(3.2404542 * x - 1.5371385 * y - 0.4985314 * z);
    data[p + 1] = encode(-0.969266 * x + 1.8760108 * y + 0.041556 * z);
    data[p + 2] = encode(0.0556434 * x - 0.2040259 * y + 1.0572252 * z);
  }
}
