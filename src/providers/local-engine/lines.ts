import { letGo } from "../../kernel/let-go.ts";
import { gaussianBlur } from "./blur.ts";
import { createPlane, type Plane, softTanh } from "./plane.ts";

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
  const fine = gaussianBlur(luma, sigma);
  const coarse = gaussianBlur(luma, sigma * 1.6);
  for (let i = 0; i < fine.data.length; i++) {
    const value = (1 + sharpness) * (fine.data[i] as number) - sharpness * (coarse.data[i] as number);
    fine.data[i] = value >= threshold ? 1 : 1 + softTanh(steepness * (value - threshold));
  }
  letGo(coarse);
  return fine;
}

/** Only the outlines, 0 ink to 1 paper: difference of Gaussians without the tone, so dark areas stay clear. */
export function outlines(luma: Plane, sigma: number, strength: number): Plane {
  const fine = gaussianBlur(luma, sigma);
  const coarse = gaussianBlur(luma, sigma * 1.6);
  for (let i = 0; i < fine.data.length; i++) {
    const edge = (coarse.data[i] as number) - (fine.data[i] as number) - 0.006;
    fine.data[i] = edge <= 0 ? 1 : 1 - softTanh(strength * edge);
  }
  letGo(coarse);
  return fine;
}

/** Length of the gradient by central differences, per pixel. */
export function gradient({ width, height, data }: Plane): Plane {
  const out = createPlane(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    const up = y > 0 ? width : 0;
    const down = y < height - 1 ? width : 0;
    for (let x = 0; x < width; x++, i++) {
      const dx = (data[i + (x < width - 1 ? 1 : 0)] as number) - (data[i - (x > 0 ? 1 : 0)] as number);
      const dy = (data[i + down] as number) - (data[i - up] as number);
      out.data[i] = Math.sqrt(dx * dx + dy * dy) * 0.5;
    }
  }
  return out;
}
