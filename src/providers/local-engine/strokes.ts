import { letGo } from "../../kernel/let-go.ts";
import { gaussianBlur } from "./blur.ts";
import { normalised, whiteNoise } from "./noise.ts";
import { clamp, createPlane, type Plane } from "./plane.ts";
import type { Rng } from "./rng.ts";

/** A direction in every pixel, as a unit vector. */
interface Field {
  readonly width: number;
  readonly height: number;
  readonly x: Float32Array<ArrayBuffer>;
  readonly y: Float32Array<ArrayBuffer>;
}

/**
 * Brush marks that follow the picture's contours: height of the paint, mean 0 and deviation 1, at half the size of `luma`.
 * Noise smeared along the flow (line integral convolution: Cabral & Leedom 1993) of the smoothed structure tensor
 * (Brox et al. 2006). `length` is in half-size pixels.
 */
export function brushMarks(luma: Plane, length: number, smoothing: number, rng: Rng): Plane {
  const small = halved(luma);
  const flow = flowField(small, smoothing);
  const white = whiteNoise(small.width, small.height, rng);
  const noise = gaussianBlur(white, 0.9);
  const marks = smear(noise, flow, Math.max(2, Math.round(length)));
  letGo(small, white, noise, { data: flow.x }, { data: flow.y });
  return normalised(marks);
}

/** The mean of each 2×2 block. */
export function halved({ width, height, data }: Plane): Plane {
  const out = createPlane(Math.max(1, width >> 1), Math.max(1, height >> 1));
  const right = width > 1 ? 1 : 0;
  const down = height > 1 ? width : 0;
  for (let y = 0, i = 0; y < out.height; y++) {
    for (let x = 0, p = y * 2 * width; x < out.width; x++, i++, p += 2) {
      out.data[i] =
        ((data[p] as number) +
          (data[p + right] as number) +
          (data[p + down] as number) +
          (data[p + down + right] as number)) /
        4;
    }
  }
  return out;
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

function flowField(luma: Plane, smoothing: number): Field {
  const { width, height } = luma;
  const [a, b, c] = structureOf(luma).map((plane) => {
    const { data } = gaussianBlur(plane, smoothing);
    letGo(plane);
    return data;
  }) as [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
  for (let i = 0; i < a.length; i++) {
    const e = a[i] as number;
    const f = b[i] as number;
    const g = c[i] as number;
    // The eigenvector of the smaller eigenvalue runs along the edge; flat areas get a slanting stroke.
    const major = 0.5 * (e + g + Math.sqrt((e - g) * (e - g) + 4 * f * f));
    const vx = major - e + 1e-6;
    const vy = -f + 0.7e-6;
    const norm = 1 / Math.sqrt(vx * vx + vy * vy + 1e-20);
    a[i] = vx * norm;
    c[i] = vy * norm;
  }
  letGo({ data: b });
  return { width, height, x: a, y: c };
}

/** The products of both differences, pixel by pixel: xx, xy, yy. */
function structureOf({ width, height, data }: Plane): readonly [Plane, Plane, Plane] {
  const planes = [createPlane(width, height), createPlane(width, height), createPlane(width, height)] as const;
  const [xx, xy, yy] = [planes[0].data, planes[1].data, planes[2].data];
  for (let y = 0, i = 0; y < height; y++) {
    const up = y > 0 ? width : 0;
    const down = y < height - 1 ? width : 0;
    for (let x = 0; x < width; x++, i++) {
      const dx = (data[i + (x < width - 1 ? 1 : 0)] as number) - (data[i - (x > 0 ? 1 : 0)] as number);
      const dy = (data[i + down] as number) - (data[i - up] as number);
      xx[i] = dx * dx;
      xy[i] = dx * dy;
      yy[i] = dy * dy;
    }
  }
  return planes;
}

function smear(noise: Plane, flow: Field, length: number): Plane {
  const out = createPlane(noise.width, noise.height);
  for (let y = 0, i = 0; y < noise.height; y++) {
    for (let x = 0; x < noise.width; x++, i++) {
      out.data[i] =
        (noise.data[i] as number) + walk(noise, flow, x, y, 1, length) + walk(noise, flow, x, y, -1, length);
    }
  }
  return out;
}

/** Sum of the noise met on the way along the flow, fading out. The field has no sign, so each step keeps its heading. */
function walk(noise: Plane, flow: Field, x: number, y: number, sign: number, length: number): number {
  const { width, height } = noise;
  let at = y * width + x;
  let dx = (flow.x[at] as number) * sign;
  let dy = (flow.y[at] as number) * sign;
  let px = x + 0.5;
  let py = y + 0.5;
  let sum = 0;
  for (let step = 1; step <= length; step++) {
    px += dx;
    py += dy;
    if (px < 0 || py < 0 || px >= width || py >= height) break;
    at = (py | 0) * width + (px | 0);
    sum += (noise.data[at] as number) * (1 - step / (length + 1));
    const nx = flow.x[at] as number;
    const ny = flow.y[at] as number;
    const turn = nx * dx + ny * dy < 0 ? -1 : 1;
    dx = nx * turn;
    dy = ny * turn;
  }
  return sum;
}
