import { letGo } from "../../kernel/let-go.ts";
import { boxBlur, gaussianBlur } from "./blur.ts";
import { createPlane, eachRow, type Plane, softTanh } from "./plane.ts";

export interface LineOptions {
  /** Width of the finest lines, pixels. */
  readonly sigma: number;
  /** How much of the sharpened edge is laid over the tone; 0 gives plain difference-of-Gaussians lines. */
  readonly sharpness: number;
  /** Tone below which everything becomes ink, 0–1. */
  readonly threshold: number;
  /** Steepness of the change from ink to paper. */
  readonly steepness: number;
}

/**
 * Ink lines and shadows, 0 ink to 1 paper (XDoG: Winnemöller, Kyprianidis & Olsen, "XDoG: An eXtended
 * difference-of-Gaussians compendium", 2012): (1 + p)·G(σ) − p·G(1.6σ), then a soft threshold by tanh.
 */
export function inkLines(luma: Plane, { sigma, sharpness, threshold, steepness }: LineOptions): Plane {
  const { fine, coarse, gain } = gaussians(luma, sigma);
  eachRow(luma.height, inkRow, luma.width, fine.data, coarse.data, sharpness * gain, threshold, steepness);
  letGo(coarse);
  return fine;
}

function inkRow(
  y: number,
  width: number,
  data: Float32Array,
  wide: Float32Array,
  sharpness: number,
  threshold: number,
  steepness: number,
): void {
  for (let i = y * width; i < (y + 1) * width; i++) {
    const light = data[i] as number;
    const value = light + sharpness * (light - (wide[i] as number));
    data[i] = value >= threshold ? 1 : 1 + softTanh(steepness * (value - threshold));
  }
}

/** Only the outlines, 0 ink to 1 paper: difference of Gaussians without the tone, so dark areas stay clear. */
export function outlines(luma: Plane, sigma: number, strength: number): Plane {
  const { fine, coarse, gain } = gaussians(luma, sigma);
  eachRow(luma.height, outlineRow, luma.width, fine.data, coarse.data, gain, strength);
  letGo(coarse);
  return fine;
}

function outlineRow(
  y: number,
  width: number,
  data: Float32Array,
  wide: Float32Array,
  gain: number,
  strength: number,
): void {
  for (let i = y * width; i < (y + 1) * width; i++) {
    const edge = gain * ((wide[i] as number) - (data[i] as number)) - 0.006;
    data[i] = edge <= 0 ? 1 : 1 - softTanh(strength * edge);
  }
}

/** Blurs of σ and 1.6σ; `gain` is for their difference, since the wider one is made of the other by a single box. */
function gaussians(luma: Plane, sigma: number) {
  const scratch = createPlane(luma.width, luma.height);
  const fine = gaussianBlur(luma, sigma, scratch);
  const more = sigma * sigma * (1.6 * 1.6 - 1);
  const radius = Math.max(1, Math.round((Math.sqrt(12 * more + 1) - 1) / 2));
  const coarse = boxBlur(fine, radius, scratch, createPlane(luma.width, luma.height));
  letGo(scratch);
  return { fine, coarse, gain: (12 * more) / ((2 * radius + 1) ** 2 - 1) };
}

/** Twice the slope along row `row` at column `x`, by central differences; edges are repeated. */
export function slopeAcross(data: Float32Array, row: number, x: number, width: number): number {
  return (data[row + Math.min(x + 1, width - 1)] as number) - (data[row + Math.max(x - 1, 0)] as number);
}

/** Twice the slope downwards at `i`; `up` and `down` are the distances to the rows beside, 0 at an edge. */
export function slopeDown(data: Float32Array, i: number, up: number, down: number): number {
  return (data[i + down] as number) - (data[i - up] as number);
}

/** Length of the gradient by central differences, per pixel; edges are repeated. */
export function gradient({ width, height, data }: Plane): Plane {
  const slopes = createPlane(width, height);
  eachRow(height, slopeRow, width, height, data, slopes.data);
  return slopes;
}

function slopeRow(y: number, width: number, height: number, data: Float32Array, out: Float32Array): void {
  const row = y * width;
  const up = y > 0 ? width : 0;
  const down = y < height - 1 ? width : 0;
  for (let x = 0, i = row; x < width; x++, i++) {
    const dx = slopeAcross(data, row, x, width);
    const dy = slopeDown(data, i, up, down);
    out[i] = Math.sqrt(dx * dx + dy * dy) * 0.5;
  }
}
