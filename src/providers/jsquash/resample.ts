import type { Raster } from "../../ports/image-codec.ts";

/** For every output position: the first source position and the weights of the ones from there on. */
interface Taps {
  readonly count: number;
  readonly starts: Int32Array;
  /** `count` weights for each output position; they sum to 1. */
  readonly weights: Float32Array;
}

const LOBES = 3;

/**
 * Resamples with a Lanczos 3 window (Duchon 1979), separably, on premultiplied sRGB values.
 *
 * jSquash's own resizer needs 133 MB for 4 MP; this one streams rows and holds about a dozen of them besides the result.
 * @returns a raster of exactly `width` × `height` pixels.
 */
export function resample(source: Raster, width: number, height: number): Raster {
  const across = lanczosTaps(source.width, width);
  const down = lanczosTaps(source.height, height);
  const opaque = isOpaque(source.data);
  const rowLength = width * 4;
  const ring = new Float32Array(rowLength * down.count);
  const input = new Float32Array(source.width * 4);
  const sums = new Float32Array(rowLength);
  const data = new Uint8ClampedArray(rowLength * height);
  let ready = 0;
  for (let y = 0; y < height; y++) {
    const first = down.starts[y] as number;
    const end = Math.min(source.height, first + down.count);
    for (ready = Math.max(ready, first); ready < end; ready++) {
      loadRow(source, ready, input, opaque);
      resampleRow(input, ring, (ready % down.count) * rowLength, across);
    }
    sums.fill(0);
    for (let row = first; row < end; row++) {
      const weight = down.weights[y * down.count + row - first] as number;
      if (weight === 0) continue;
      const from = (row % down.count) * rowLength;
      for (let i = 0; i < rowLength; i++) sums[i] = (sums[i] as number) + weight * (ring[from + i] as number);
    }
    storeRow(sums, data, y * rowLength, opaque);
  }
  return { width, height, data };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function lanczosTaps(from: number, to: number): Taps {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const count = Math.min(from, Math.ceil(LOBES * stretch) * 2 + 1);
  const starts = new Int32Array(to);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5;
    const start = Math.min(Math.max(0, Math.ceil(centre - LOBES * stretch)), from - count);
    let total = 0;
    for (let k = 0; k < count; k++) {
      const distance = (start + k - centre) / stretch;
      const weight = Math.abs(distance) < LOBES ? sinc(distance) * sinc(distance / LOBES) : 0;
      weights[i * count + k] = weight;
      total += weight;
    }
    for (let k = 0; k < count; k++) weights[i * count + k] = (weights[i * count + k] as number) / total;
    starts[i] = start;
  }
  return { count, starts, weights };
}

/** Whether nothing shows through: every alpha is 255. */
export function isOpaque(data: Uint8ClampedArray): boolean {
  // Four pixels at a time, which halves the time.
  let i = 3;
  for (; i + 12 < data.length; i += 16) {
    const all = (data[i] as number) & (data[i + 4] as number) & (data[i + 8] as number) & (data[i + 12] as number);
    if (all !== 255) return false;
  }
  for (; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}

function loadRow({ data, width }: Raster, row: number, into: Float32Array, opaque: boolean): void {
  const length = width * 4;
  const from = row * length;
  if (opaque) {
    for (let i = 0; i < length; i++) into[i] = data[from + i] as number;
    return;
  }
  for (let i = 0; i < length; i += 4) {
    const alpha = data[from + i + 3] as number;
    const factor = alpha / 255;
    into[i] = (data[from + i] as number) * factor;
    into[i + 1] = (data[from + i + 1] as number) * factor;
    into[i + 2] = (data[from + i + 2] as number) * factor;
    into[i + 3] = alpha;
  }
}

function resampleRow(input: Float32Array, into: Float32Array, at: number, taps: Taps): void {
  const { count, starts, weights } = taps;
  for (let x = 0, to = at; x < starts.length; x++, to += 4) {
    let r = 0;
    let g = 0;
    let b = 0;
    let a = 0;
    let from = (starts[x] as number) * 4;
    const end = (x + 1) * count;
    for (let k = x * count; k < end; k++, from += 4) {
      const weight = weights[k] as number;
      r += weight * (input[from] as number);
      g += weight * (input[from + 1] as number);
      b += weight * (input[from + 2] as number);
      a += weight * (input[from + 3] as number);
    }
    into[to] = r;
    into[to + 1] = g;
    into[to + 2] = b;
    into[to + 3] = a;
  }
}

function storeRow(sums: Float32Array, data: Uint8ClampedArray, at: number, opaque: boolean): void {
  if (opaque) {
    for (let i = 0; i < sums.length; i++) data[at + i] = sums[i] as number;
    return;
  }
  for (let i = 0; i < sums.length; i += 4) {
    const alpha = sums[i + 3] as number;
    const factor = alpha > 0 ? 255 / alpha : 0;
    data[at + i] = (sums[i] as number) * factor;
    data[at + i + 1] = (sums[i + 1] as number) * factor;
    data[at + i + 2] = (sums[i + 2] as number) * factor;
    data[at + i + 3] = alpha;
  }
}
