import type { Raster } from "../../ports/image-codec.ts";
import type { GarmentCategory } from "../../ports/image-generator.ts";
import { distanceBetween, distanceTo, type Lab, type LabPlanes, labOf } from "./lab.ts";
import { type Plane, smoothstep } from "./plane.ts";
import { type Box, createMask, feathered, filledMask, flood, grown, largestRegion, type Mask } from "./regions.ts";

export type WornCategory = Exclude<GarmentCategory, "auto">;

/** A garment cut out of its picture. */
export interface Garment {
  readonly picture: Raster;
  /** Its opacity, 0–1, as large as the picture. */
  readonly alpha: Plane;
  /** Where it is in the picture. */
  readonly box: Box;
  /** False when no background could be told apart and the picture was cut to a pattern as if it were cloth. */
  readonly found: boolean;
}

/** Colours nearer than this to the border's (ΔE in L*a*b*) are background; shadows may go further in small steps. */
const NEAR_BORDER = 9;
const FAR_FROM_BORDER = 26;
const SMALL_STEP = 2.2;

/**
 * Cuts a flat-lay garment out: by the picture's own alpha where it has one, otherwise by flooding the background's colour from
 * the border. A picture without such a background is taken as cloth and cut to a pattern of the category.
 */
export function cutOutGarment(picture: Raster, category: GarmentCategory): Garment {
  const { width, height } = picture;
  const mask = alphaMask(picture) ?? borderMask(picture);
  const region = mask && largestRegion(mask);
  const share = (region?.component.area ?? 0) / (width * height);
  if (!region || share < 0.02 || share > 0.96) return cutCloth(picture, category === "auto" ? "tops" : category);
  const radius = Math.max(1, Math.max(width, height) / 500);
  const alpha = feathered(grown(region.mask, -radius), radius);
  return { picture, alpha, box: region.component.box, found: true };
}

function alphaMask({ width, height, data }: Raster): Mask | null {
  const mask = createMask(width, height);
  let clear = 0;
  for (let i = 0; i < mask.data.length; i++) {
    if ((data[i * 4 + 3] as number) >= 128) mask.data[i] = 1;
    else clear++;
  }
  return clear > mask.data.length * 0.02 ? mask : null;
}

function borderMask(picture: Raster): Mask {
  const { width, height } = picture;
  const lab = labOf(picture);
  const border = borderPixels(width, height);
  const colour = medianOf(lab, border);
  const background = flood(
    width,
    height,
    border.filter((i) => distanceTo(lab, i, colour) < NEAR_BORDER),
    (to, from) => {
      const distance = distanceTo(lab, to, colour);
      return distance < NEAR_BORDER || (distance < FAR_FROM_BORDER && distanceBetween(lab, to, from) < SMALL_STEP);
    },
  );
  return filledMask(background, (i) => background.data[i] === 0);
}

function borderPixels(width: number, height: number): number[] {
  const pixels: number[] = [];
  for (let x = 0; x < width; x++) pixels.push(x, (height - 1) * width + x);
  for (let y = 1; y < height - 1; y++) pixels.push(y * width, y * width + width - 1);
  return pixels;
}

function medianOf(lab: LabPlanes, pixels: readonly number[]): Lab {
  const median = (plane: Float32Array) => {
    const values = Float32Array.from(pixels, (i) => plane[i] as number).sort();
    return values[values.length >> 1] as number;
  };
  return [median(lab.l), median(lab.a), median(lab.b)];
}

/** Half outlines from top to bottom: how far cloth reaches from the middle line (0–1) at each height (0–1). */
const PATTERNS: Record<
  WornCategory,
  { readonly hollow: (x: number, y: number) => boolean; readonly reach: number[][] }
> = {
  tops: {
    reach: [
      [0, 0.34],
      [0.08, 0.55],
      [0.3, 0.98],
      [0.42, 1],
      [0.43, 0.62],
      [1, 0.6],
    ],
    hollow: (x, y) => (x / 0.24) ** 2 + (y / 0.09) ** 2 < 1,
  },
  bottoms: {
    reach: [
      [0, 0.62],
      [0.3, 0.86],
      [1, 0.8],
    ],
    hollow: (x, y) => y > 0.36 && x < 0.12 + 0.3 * (y - 0.36),
  },
  "one-pieces": {
    reach: [
      [0, 0.42],
      [0.12, 0.52],
      [0.36, 0.44],
      [1, 0.98],
    ],
    hollow: (x, y) => (x / 0.26) ** 2 + (y / 0.07) ** 2 < 1,
  },
};

function cutCloth(picture: Raster, category: WornCategory): Garment {
  const { width, height } = picture;
  const { reach, hollow } = PATTERNS[category];
  const mask = createMask(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    const down = (y + 0.5) / height;
    const limit = interpolate(reach, down);
    for (let x = 0; x < width; x++, i++) {
      const across = Math.abs((x + 0.5) / width - 0.5) * 2;
      mask.data[i] = across < limit && !hollow(across, down) ? 1 : 0;
    }
  }
  const alpha = feathered(mask, Math.max(1, Math.max(width, height) / 300));
  return { picture, alpha, box: { left: 0, top: 0, right: width, bottom: height }, found: false };
}

function interpolate(points: readonly (readonly number[])[], at: number): number {
  let previous = points[0] as readonly number[];
  for (const point of points) {
    if (at <= (point[0] as number)) {
      const span = (point[0] as number) - (previous[0] as number);
      const t = span > 0 ? (at - (previous[0] as number)) / span : 1;
      return (previous[1] as number) * (1 - t) + (point[1] as number) * t;
    }
    previous = point;
  }
  return previous[1] as number;
}

/** The garment's outline in numbers, in its picture's pixels. */
export interface GarmentShape {
  /** Middle line. */
  readonly centreX: number;
  /** Where cloth begins on the middle line: the neckline's lowest point, or the waistband. */
  readonly neckY: number;
  /** The highest cloth, often the collar's tips. */
  readonly topY: number;
  readonly bottomY: number;
  /** Half the width of the trunk (without sleeves) and of everything. */
  readonly trunkHalf: number;
  readonly fullHalf: number;
}

/** Measures rows of the matte: the trunk is the run of cloth around the middle line. */
export function measureGarment({ alpha, box }: Garment): GarmentShape {
  const height = box.bottom - box.top;
  const solid = (x: number, y: number) => (alpha.data[y * alpha.width + x] as number) > 0.5;
  const centreX = middleLine(alpha, box);
  let neckY = box.top;
  while (neckY < box.bottom - 1 && !solid(Math.round(centreX), neckY)) neckY++;
  if (neckY > box.top + 0.4 * height) neckY = box.top;
  const halves: number[] = [];
  for (let part = 0.55; part <= 0.85; part += 0.05) {
    const y = Math.round(box.top + part * height);
    let left = Math.round(centreX);
    let right = left;
    while (left > box.left && solid(left - 1, y)) left--;
    while (right < box.right - 1 && solid(right + 1, y)) right++;
    if (right - left > 0.1 * (box.right - box.left)) halves.push((right - left) / 2);
  }
  halves.sort((a, b) => a - b);
  const fullHalf = Math.max(centreX - box.left, box.right - centreX);
  const trunkHalf = halves[halves.length >> 1] ?? fullHalf;
  return { centreX, neckY, topY: box.top, bottomY: box.bottom, trunkHalf: Math.min(trunkHalf, fullHalf), fullHalf };
}

/** Centre of the cloth's extent, by the middle of the top rows and of all rows. */
function middleLine(alpha: Plane, box: Box): number {
  let sum = 0;
  let weight = 0;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const value = alpha.data[y * alpha.width + x] as number;
      sum += value * x;
      weight += value;
    }
  }
  return weight > 0 ? sum / weight : (box.left + box.right) / 2;
}

/** Guesses how a garment is worn: two legs below are trousers, long and without legs a dress, anything else a top. */
export function guessCategory(garment: Garment): WornCategory {
  const { alpha, box } = garment;
  const aspect = (box.bottom - box.top) / Math.max(1, box.right - box.left);
  const x = Math.round(middleLine(alpha, box));
  let gap = 0;
  let rows = 0;
  for (let y = Math.round(box.bottom - 0.35 * (box.bottom - box.top)); y < box.bottom; y++, rows++) {
    if ((alpha.data[y * alpha.width + x] as number) < 0.5) gap++;
  }
  if (rows > 0 && gap / rows > 0.6) return "bottoms";
  return aspect > 1.55 ? "one-pieces" : "tops";
}

/** The matte resampled softly is only as good as its edge: keeps what is surely cloth and drops the fringe. */
export function tightened(alpha: number): number {
  return smoothstep(0.15, 0.85, alpha);
}
