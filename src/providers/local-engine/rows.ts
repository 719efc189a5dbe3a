import { letGo } from "../../kernel/let-go.ts";
import { gaussianBlur } from "./blur.ts";
import { clamp, type Plane } from "./plane.ts";
import { shrunkPlane } from "./shrink.ts";

/** A plane without fine detail, kept at 1/`factor` of its size; {@link smoothRow} writes its rows. */
export class Smooth {
  /** One that stays: V8 throws compiled code away with the last object of a shape that the code knows. */
  static readonly kept = new Smooth({ width: 1, height: 1, data: new Float32Array(1) }, 1);
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
  readonly factor: number;
  /** Room for a row of the small plane. */
  readonly between: Float32Array;

  /** What is `factor` times as large as `small`. */
  constructor({ width, height, data }: Plane, factor: number) {
    this.width = width;
    this.height = height;
    this.data = data;
    this.factor = factor;
    this.between = new Float32Array(width);
  }
}

/** The largest power of two up to 4 that `length` may be divided by without getting shorter than `least`. */
export function factorFor(length: number, least: number): number {
  return length >= 4 * least ? 4 : length >= 2 * least ? 2 : 1;
}

/** A Gaussian blur. What it leaves has no fine detail: made small, it takes a fraction of the time and the memory. */
export function blurred(source: Plane, sigma: number): Smooth {
  const factor = factorFor(sigma, 2.5);
  if (factor === 1) return new Smooth(gaussianBlur(source, sigma), 1);
  const small = shrunkPlane(source, factor);
  // Means of blocks and the straight lines between them blur by themselves.
  const own = (factor * factor - 1) / 12 + (factor * factor) / 6;
  const soft = gaussianBlur(small, Math.sqrt(sigma * sigma - own) / factor);
  letGo(small);
  return new Smooth(soft, factor);
}

/** Room for a row of three planes. */
export type ThreeLines = readonly [Float32Array, Float32Array, Float32Array];

export function threeLines(width: number): ThreeLines {
  return [new Float32Array(width), new Float32Array(width), new Float32Array(width)];
}

/** Writes row `y` into `line`, which is as long as the picture is wide: bilinear, edges repeated. */
export function smoothRow({ width, height, data, factor, between }: Smooth, y: number, line: Float32Array): void {
  const at = clamp((y + 0.5) / factor - 0.5, 0, height - 1);
  const row = at | 0;
  const t = at - row;
  const above = row * width;
  const below = Math.min(row + 1, height - 1) * width;
  const lerped = factor === 1 ? line : between;
  for (let x = 0; x < width; x++) {
    const top = data[above + x] as number;
    lerped[x] = top + t * ((data[below + x] as number) - top);
  }
  if (factor === 2) double(between, line);
  else if (factor > 2) spread(between, factor, line);
}

/** {@link spread} by 2, which most effects need. */
function double(values: Float32Array, line: Float32Array): void {
  const last = values.length - 1;
  line[0] = values[0] as number;
  for (let i = 0, x = 1; i < last; i++, x += 2) {
    const left = values[i] as number;
    const right = values[i + 1] as number;
    line[x] = 0.75 * left + 0.25 * right;
    line[x + 1] = 0.25 * left + 0.75 * right;
  }
  line.fill(values[last] as number, 2 * last + 1);
}

function spread(values: Float32Array, factor: number, line: Float32Array): void {
  const last = values.length - 1;
  const half = factor >> 1;
  line.fill(values[0] as number, 0, half);
  let x = half;
  for (let i = 0; i < last; i++) {
    const left = values[i] as number;
    const rise = ((values[i + 1] as number) - left) / factor;
    let value = left + 0.5 * rise;
    for (const end = Math.min(x + factor, line.length); x < end; x++) {
      line[x] = value;
      value += rise;
    }
  }
  line.fill(values[last] as number, x);
}
