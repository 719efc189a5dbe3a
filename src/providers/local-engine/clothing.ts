import type { LabPlanes } from "./lab.ts";
import { clamp, type Plane } from "./plane.ts";
import { type Box, components, createMask, feathered, filledMask, flood, grown, type Mask } from "./regions.ts";

/** What the person wears now, as far as its colour tells. */
export interface Clothing {
  /** Where the clothing is, holes (badges, belts, prints) filled, edges soft; 0–1. */
  readonly cover: Plane;
  /** The pixels whose colour is the clothing's own: these tell its light and shade. */
  readonly cloth: Mask;
  /** Median lightness (L*) of the cloth. */
  readonly lightness: number;
}

interface ClothColour {
  readonly l: number;
  readonly a: number;
  readonly b: number;
  readonly spreadL: number;
  readonly spreadAb: number;
  readonly share: number;
}

/**
 * Finds the clothing by its colour: the most frequent one in `sample` (and another one that is nearly as frequent), spread
 * within `limits`. `headHeight` is in pixels. @returns null when it covers too little of the sample, or runs out into the background.
 */
export function findClothing(
  lab: LabPlanes,
  skin: Mask,
  sample: Box,
  limits: Box,
  headHeight: number,
): Clothing | null {
  const closing = Math.max(1, Math.round(headHeight * 0.03));
  const colours = clothColours(lab, sample);
  const cloth = clothPixels(lab, limits, colours);
  const closed = grown(grown(cloth, closing), -closing);
  const kept = connectedTo(closed, sample);
  if (shareIn(cloth, limits) > 0.9 || shareIn(kept, sample) < 0.35) return null;
  const filled = filledHoles(withStraps(kept, skin, 0.42 * headHeight), limits);
  const own = filledMask(cloth, (i) => cloth.data[i] === 1 && filled.data[i] === 1);
  return { cover: feathered(filled, Math.max(1, closing / 3)), cloth: own, lightness: medianLightness(lab, own) };
}

const COLOUR_SAMPLES = 6000;

/** Peaks of a coarse colour histogram, moved to the mean of their neighbourhood (mean shift: Fukunaga & Hostetler 1975). */
function clothColours(lab: LabPlanes, sample: Box): readonly ClothColour[] {
  const all = pixelsIn(lab.width, sample);
  const stride = Math.max(1, Math.floor(all.length / COLOUR_SAMPLES));
  const pixels = all.filter((_, i) => i % stride === 0);
  const taken = new Set<number>();
  const colours: ClothColour[] = [];
  for (let round = 0; round < 3; round++) {
    const left = pixels.filter((i) => !taken.has(i));
    if (left.length < 0.18 * pixels.length) break;
    const start = frequentColour(lab, left);
    const colour = meanShift(lab, left, start, pixels.length);
    if (colour.share < (round === 0 ? 0 : 0.24)) break;
    colours.push(colour);
    for (const i of left) if (isCloth(lab, i, colour)) taken.add(i);
  }
  return colours;
}

function pixelsIn(width: number, box: Box): number[] {
  const pixels: number[] = [];
  for (let y = box.top; y < box.bottom; y++) for (let x = box.left; x < box.right; x++) pixels.push(y * width + x);
  return pixels;
}

function frequentColour(lab: LabPlanes, pixels: readonly number[]): readonly [number, number, number] {
  const bins = new Map<number, number>();
  let best = 0;
  let bestCount = 0;
  for (const i of pixels) {
    const l = Math.floor((lab.l[i] as number) / 12);
    const a = Math.floor(((lab.a[i] as number) + 128) / 10);
    const b = Math.floor(((lab.b[i] as number) + 128) / 10);
    const key = l * 10_000 + a * 100 + b;
    const count = (bins.get(key) ?? 0) + 1;
    bins.set(key, count);
    if (count > bestCount) [best, bestCount] = [key, count];
  }
  const l = Math.floor(best / 10_000);
  const a = Math.floor(best / 100) % 100;
  return [l * 12 + 6, a * 10 - 123, (best % 100) * 10 - 123];
}

function meanShift(
  lab: LabPlanes,
  pixels: readonly number[],
  start: readonly [number, number, number],
  total: number,
): ClothColour {
  let colour: ClothColour = { l: start[0], a: start[1], b: start[2], spreadL: 22, spreadAb: 13, share: 0 };
  for (let round = 0; round < 5; round++) {
    let [count, l, a, b, ll, cc] = [0, 0, 0, 0, 0, 0];
    for (const i of pixels) {
      if (!isCloth(lab, i, colour)) continue;
      count++;
      l += lab.l[i] as number;
      a += lab.a[i] as number;
      b += lab.b[i] as number;
      ll += (lab.l[i] as number) ** 2;
      cc += (lab.a[i] as number) ** 2 + (lab.b[i] as number) ** 2;
    }
    if (count === 0) break;
    [l, a, b] = [l / count, a / count, b / count];
    const deviationL = Math.sqrt(Math.max(0, ll / count - l * l));
    const deviationAb = Math.sqrt(Math.max(0, cc / count - a * a - b * b) / 2);
    colour = {
      l,
      a,
      b,
      spreadL: clamp(2.8 * deviationL, 20, 40),
      spreadAb: clamp(2.8 * deviationAb, 9, 26),
      share: count / total,
    };
  }
  return colour;
}

function isCloth(lab: LabPlanes, i: number, { l, a, b, spreadL, spreadAb }: ClothColour): boolean {
  const dl = ((lab.l[i] as number) - l) / spreadL;
  const da = ((lab.a[i] as number) - a) / spreadAb;
  const db = ((lab.b[i] as number) - b) / spreadAb;
  return dl * dl + da * da + db * db < 1;
}

function clothPixels(lab: LabPlanes, limits: Box, colours: readonly ClothColour[]): Mask {
  const mask = createMask(lab.width, lab.height);
  for (let y = limits.top; y < limits.bottom; y++) {
    for (let x = limits.left; x < limits.right; x++) {
      const i = y * lab.width + x;
      mask.data[i] = colours.some((colour) => isCloth(lab, i, colour)) ? 1 : 0;
    }
  }
  return mask;
}

/** The regions that the sample lies in, leaving out specks elsewhere. */
function connectedTo(mask: Mask, sample: Box): Mask {
  const { labels, found } = components(mask);
  const inside = new Uint32Array(found.length + 1);
  for (const i of pixelsIn(mask.width, sample)) {
    const label = labels[i] as number;
    inside[label] = (inside[label] as number) + 1;
  }
  const wanted = (sample.right - sample.left) * (sample.bottom - sample.top) * 0.05;
  return filledMask(mask, (i) => labels[i] !== 0 && (inside[labels[i] as number] as number) > wanted);
}

/** Fills short gaps in rows: ties, zips and straps run down a body. Gaps of skin are hands, which stay in front. */
function withStraps(mask: Mask, skin: Mask, longest: number): Mask {
  const { width, height, data } = mask;
  const out = { width, height, data: data.slice() };
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let last = -1;
    let bare = 0;
    for (let x = 0; x < width; x++) {
      if (data[row + x] === 0) {
        bare += skin.data[row + x] as number;
        continue;
      }
      const gap = x - last - 1;
      if (last >= 0 && gap > 0 && gap <= longest && bare * 2 < gap) out.data.fill(1, row + last + 1, row + x);
      last = x;
      bare = 0;
    }
  }
  return out;
}

/** Fills what the region surrounds; the lower limit counts as part of the surroundings, where clothes go on unseen. */
function filledHoles(mask: Mask, limits: Box): Mask {
  const { width, height, data } = mask;
  const seeds: number[] = [];
  for (let x = limits.left; x < limits.right; x++) seeds.push(limits.top * width + x);
  for (let y = limits.top; y < limits.bottom; y++) seeds.push(y * width + limits.left, y * width + limits.right - 1);
  const inLimits = (i: number) => {
    const x = i % width;
    const y = (i - x) / width;
    return x >= limits.left && x < limits.right && y >= limits.top && y < limits.bottom;
  };
  const outside = flood(
    width,
    height,
    seeds.filter((i) => data[i] === 0),
    (to) => data[to] === 0 && inLimits(to),
  );
  return filledMask(mask, (i) => outside.data[i] === 0 && inLimits(i));
}

function shareIn({ width, data }: Mask, box: Box): number {
  const pixels = pixelsIn(width, box);
  let count = 0;
  for (const i of pixels) count += data[i] as number;
  return count / Math.max(1, pixels.length);
}

function medianLightness(lab: LabPlanes, mask: Mask): number {
  const bins = new Uint32Array(101);
  let total = 0;
  for (let i = 0; i < mask.data.length; i++) {
    if (mask.data[i] === 0) continue;
    const bin = clamp(Math.round(lab.l[i] as number), 0, 100);
    bins[bin] = (bins[bin] as number) + 1;
    total++;
  }
  let seen = 0;
  for (let bin = 0; bin <= 100; bin++) {
    seen += bins[bin] as number;
    if (seen * 2 >= total) return bin;
  }
  return 50;
}
