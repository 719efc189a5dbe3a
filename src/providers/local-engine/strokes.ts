import { letGo } from "../../kernel/let-go.ts";
import { gaussianBlur } from "./blur.ts";
import { slopeAcross, slopeDown } from "./lines.ts";
import { normalised, whiteNoise } from "./noise.ts";
import { clamp, createPlane, eachRow, type Plane } from "./plane.ts";
import type { Rng } from "./rng.ts";
import { blurred, type Smooth, smoothRow, type ThreeLines, threeLines } from "./rows.ts";

/**
 * Brush marks that follow the contours in `luma`: height of the paint, mean 0 and deviation 1, of the same size.
 * Noise smeared along the flow (line integral convolution: Cabral & Leedom 1993) of the smoothed structure tensor
 * (Brox et al. 2006). `length` and `smoothing` are in pixels of `luma`.
 */
export function brushMarks(luma: Plane, length: number, smoothing: number, rng: Rng): Plane {
  const { width, height } = luma;
  const flow = flowField(luma, smoothing);
  const white = whiteNoise(width, height, rng);
  const noise = gaussianBlur(white, 0.9);
  // Fading out over 2n pixels is fading out over 2, and then over n at every other one: half the steps.
  const near = smeared(noise, flow, 1, 1);
  const marks = smeared(near, flow, 2, Math.max(1, Math.round((length + 1) / 2) - 1));
  letGo(white, noise, near, { data: flow });
  return normalised(marks);
}

/** Bilinear value at (x, y), edges repeated. */
export function sampleAt({ width, height, data }: Plane, x: number, y: number): number {
  const fx = clamp(x, 0, width - 1);
  const fy = clamp(y, 0, height - 1);
  const x0 = fx | 0;
  const y0 = fy | 0;
  const right = x0 < width - 1 ? 1 : 0;
  const down = y0 < height - 1 ? width : 0;
  const at = y0 * width + x0;
  const tx = fx - x0;
  const top = (data[at] as number) * (1 - tx) + (data[at + right] as number) * tx;
  const bottom = (data[at + down] as number) * (1 - tx) + (data[at + down + right] as number) * tx;
  return top + (bottom - top) * (fy - y0);
}

/** The direction in every pixel as a vector {@link ONE} long, x and y side by side. */
type Flow = Int32Array<ArrayBuffer>;
/** A pixel in the flow's whole numbers: walking needs none but those, which is faster. */
const ONE = 1 << 12;

function flowField(luma: Plane, smoothing: number): Flow {
  const { width, height } = luma;
  const planes = [createPlane(width, height), createPlane(width, height), createPlane(width, height)] as const;
  eachRow(height, multiplyRow, width, height, luma.data, planes[0].data, planes[1].data, planes[2].data);
  const [xx, xy, yy] = planes.map((plane) => blurred(plane, smoothing)) as [Smooth, Smooth, Smooth];
  letGo(...planes);
  const flow = new Int32Array(2 * width * height);
  const lines = threeLines(width);
  eachRow(height, directRow, flow, xx, xy, yy, lines);
  letGo(xx, xy, yy);
  return flow;
}

/** The products of the differences to the right and downwards. */
function multiplyRow(
  y: number,
  width: number,
  height: number,
  data: Float32Array,
  xx: Float32Array,
  xy: Float32Array,
  yy: Float32Array,
): void {
  const row = y * width;
  const up = y > 0 ? width : 0;
  const down = y < height - 1 ? width : 0;
  for (let x = 0, i = row; x < width; x++, i++) {
    const dx = slopeAcross(data, row, x, width);
    const dy = slopeDown(data, i, up, down);
    xx[i] = dx * dx;
    xy[i] = dx * dy;
    yy[i] = dy * dy;
  }
}

function directRow(y: number, flow: Flow, xx: Smooth, xy: Smooth, yy: Smooth, lines: ThreeLines): void {
  const [es, fs, gs] = lines;
  smoothRow(xx, y, es);
  smoothRow(xy, y, fs);
  smoothRow(yy, y, gs);
  const width = es.length;
  for (let x = 0, i = 2 * y * width; x < width; x++, i += 2) {
    const e = es[x] as number;
    const f = fs[x] as number;
    const g = gs[x] as number;
    // The eigenvector of the smaller eigenvalue runs along the edge; flat areas get a slanting stroke.
    const major = 0.5 * (e + g + Math.sqrt((e - g) * (e - g) + 4 * f * f));
    const vx = major - e + 1e-6;
    const vy = -f + 0.7e-6;
    const norm = ONE / Math.sqrt(vx * vx + vy * vy + 1e-20);
    flow[i] = vx * norm;
    flow[i + 1] = vy * norm;
  }
}

/** Each pixel with the noise met on the way along the flow in both directions, `reach` steps of `stride` pixels. */
function smeared({ width, height, data }: Plane, flow: Flow, stride: number, reach: number): Plane {
  const marks = createPlane(width, height);
  marks.data.set(data);
  const weights = Float32Array.from({ length: reach }, (_, step) => 1 - (step + 1) / (reach + 1));
  for (const start of [stride, -stride])
    eachRow(height, walkRow, width, height, data, flow, marks.data, weights, start);
  return marks;
}

/**
 * Adds what is met from each of a row's pixels, by the steps' weights. The field has no sign: the first step goes by
 * `start` (pixels; less than 0 for backwards), and each step keeps its heading.
 */
function walkRow(
  y: number,
  width: number,
  height: number,
  data: Float32Array,
  flow: Flow,
  marks: Float32Array,
  weights: Float32Array,
  start: number,
): void {
  const stride = Math.abs(start);
  const right = width * ONE;
  const bottom = height * ONE;
  for (let x = 0, i = y * width; x < width; x++, i++) {
    let dx = Math.imul(flow[2 * i] as number, start);
    let dy = Math.imul(flow[2 * i + 1] as number, start);
    let px = (x * ONE + ONE / 2) | 0;
    let py = (y * ONE + ONE / 2) | 0;
    let sum = marks[i] as number;
    for (let step = 0; step < weights.length; step++) {
      px = (px + dx) | 0;
      py = (py + dy) | 0;
      if (px < 0 || py < 0 || px >= right || py >= bottom) break;
      const at = Math.imul(py >> 12, width) + (px >> 12);
      sum += (data[at] as number) * (weights[step] as number);
      const nx = flow[2 * at] as number;
      const ny = flow[2 * at + 1] as number;
      const turn = Math.imul(nx, dx) + Math.imul(ny, dy) < 0 ? -stride : stride;
      dx = Math.imul(nx, turn);
      dy = Math.imul(ny, turn);
    }
    marks[i] = sum;
  }
}
