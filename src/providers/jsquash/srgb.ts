import type { Raster } from "../../ports/image-codec.ts";

type Row = readonly [number, number, number];
type Matrix = readonly [Row, Row, Row];

/** Columns of linear sRGB in XYZ of D50 (IEC 61966-2-1, adapted by Bradford's method), inverted; by rows. */
const FROM_XYZ: Matrix = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
];
const ENCODED_STEPS = 4_096;
const SAME_MATRIX = 0.01;
const SAME_LEVEL = 1;
/** Profiles have some ten; of a hostile one's, each would claim memory. */
const MAX_TAGS = 1_000;

/** Turns the pixels of one profile, in place, into sRGB; what sRGB can't show is clipped. */
export type ToSrgb = (raster: Raster) => void;

/**
 * Reads an ICC profile of three primaries and three curves, as those of cameras and screens are (ICC.1:2022, §8.3.3).
 * @returns null for sRGB itself, and for whatever is no such profile: pixels then stay as they are.
 */
export function conversionToSrgb(profile: Uint8Array): ToSrgb | null {
  const tags = tagsOf(profile);
  const [red, green, blue] = ["rXYZ", "gXYZ", "bXYZ"].map((name) => xyzOf(tags?.get(name)));
  const [r, g, b] = ["rTRC", "gTRC", "bTRC"].map((name) => curveOf(tags?.get(name)));
  if (!(red && green && blue && r && g && b)) return null;
  const rowOf = (row: Row): Row => [dot(row, red), dot(row, green), dot(row, blue)];
  const matrix: Matrix = [rowOf(FROM_XYZ[0]), rowOf(FROM_XYZ[1]), rowOf(FROM_XYZ[2])];
  if (isUnit(matrix) && [r, g, b].every(isSrgbCurve)) return null;
  return ({ data }) => convert(data, matrix, [r, g, b]);
}

function tagsOf(profile: Uint8Array): ReadonlyMap<string, DataView> | null {
  if (profile.length < 132) return null;
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  const nameAt = (at: number) => String.fromCharCode(...profile.subarray(at, at + 4));
  if (nameAt(16) !== "RGB " || nameAt(20) !== "XYZ " || nameAt(36) !== "acsp") return null;
  const tableEnd = 132 + 12 * view.getUint32(128);
  if (tableEnd > Math.min(profile.length, 132 + 12 * MAX_TAGS)) return null;
  const tags = new Map<string, DataView>();
  for (let at = 132; at < tableEnd; at += 12) {
    const [start, size] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    if (start + size > profile.length) return null;
    tags.set(nameAt(at), new DataView(profile.buffer, profile.byteOffset + start, size));
  }
  return tags;
}

const fixed = (view: DataView, at: number) => view.getInt32(at) / 65_536;
const typeOf = (view: DataView) => view.getUint32(0);
const [XYZ, CURV, PARA] = [0x58595a20, 0x63757276, 0x70617261];

function xyzOf(view: DataView | undefined): Row | null {
  if (view === undefined || view.byteLength < 20 || typeOf(view) !== XYZ) return null;
  return [fixed(view, 8), fixed(view, 12), fixed(view, 16)];
}

/** Linear light, 0 to 1, of each level of 8 bits; null for a curve that can't be read. */
function curveOf(view: DataView | undefined): Float32Array | null {
  if (view === undefined || view.byteLength < 12) return null;
  const at = typeOf(view) === PARA ? parametric(view) : typeOf(view) === CURV ? sampled(view) : null;
  return at && Float32Array.from({ length: 256 }, (_, level) => Math.min(1, Math.max(0, at(level / 255))));
}

type Curve = (value: number) => number;

function sampled(view: DataView): Curve | null {
  const count = view.getUint32(8);
  if (view.byteLength < 12 + 2 * count) return null;
  if (count === 0) return (x) => x;
  if (count === 1) return (x) => x ** (view.getUint16(12) / 256);
  const sampleAt = (index: number) => view.getUint16(12 + 2 * Math.min(index, count - 1)) / 65_535;
  return (x) => {
    const [whole, rest] = [Math.floor(x * (count - 1)), (x * (count - 1)) % 1];
    return sampleAt(whole) * (1 - rest) + sampleAt(whole + 1) * rest;
  };
}

/** The function types 0 to 4 of `parametricCurveType` (ICC.1:2022, §10.18). */
function parametric(view: DataView): Curve | null {
  const count = [1, 3, 4, 5, 7][view.getUint16(8)];
  if (count === undefined || view.byteLength < 12 + 4 * count) return null;
  const [g = 1, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = Array.from({ length: count }, (_, i) =>
    fixed(view, 12 + 4 * i),
  );
  const power = (x: number) => Math.max(0, a * x + b) ** g;
  if (count === 1) return power;
  if (count === 3) return (x) => (a * x + b >= 0 ? power(x) : 0);
  if (count === 4) return (x) => (a * x + b >= 0 ? power(x) + c : c);
  return (x) => (x >= d ? power(x) + e : c * x + f);
}

const dot = (a: Row, b: Row) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const isUnit = (matrix: Matrix) =>
  matrix.every((row, y) => row.every((value, x) => Math.abs(value - (x === y ? 1 : 0)) < SAME_MATRIX));

/** The level, 0 to 255, of linear light from 0 to 1. */
const encoded = (light: number) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

const isSrgbCurve = (curve: Float32Array) =>
  curve.every((light, level) => Math.abs(encoded(light) - level) <= SAME_LEVEL);

function convert(data: Uint8ClampedArray, matrix: Matrix, curves: readonly [Float32Array, Float32Array, Float32Array]) {
  const last = ENCODED_STEPS - 1;
  const levels = Uint8Array.from({ length: ENCODED_STEPS }, (_, step) => Math.round(encoded(step / last)));
  const levelOf = (light: number) => levels[Math.min(last, Math.max(0, Math.round(light * last)))] as number;
  const [[rr, rg, rb], [gr, gg, gb], [br, bg, bb]] = matrix;
  const [reds, greens, blues] = curves;
  for (let i = 0; i < data.length; i += 4) {
    const r = reds[data[i] as number] as number;
    const g = greens[data[i + 1] as number] as number;
    const b = blues[data[i + 2] as number] as number;
    data[i] = levelOf(rr * r + rg * g + rb * b);
    data[i + 1] = levelOf(gr * r + gg * g + gb * b);
    data[i + 2] = levelOf(br * r + bg * g + bb * b);
  }
}
