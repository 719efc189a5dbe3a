import type { Raster } from "../../ports/image-codec.ts";
import { gaussianBlur } from "./blur.ts";
import { type Clothing, findClothing } from "./clothing.ts";
import type { Wearing } from "./fit.ts";
import type { WornCategory } from "./garment-matte.ts";
import { type LabPlanes, labOf } from "./lab.ts";
import { estimatePerson, type PersonFrame, skinMask } from "./person-frame.ts";
import { clamp, createPlane, type Plane, smoothstep } from "./plane.ts";
import { type Box, components, feathered, filledMask, grown, type Mask } from "./regions.ts";
import { shrunk } from "./shrink.ts";

/** What is known about the person's picture; planes are smaller than it by `factor`. */
export interface View {
  readonly factor: number;
  /** Neck and arms, soft; 0–1. */
  readonly bareSkin: Plane;
  /** In the picture's own pixels, as `wearing` is. */
  readonly person: PersonFrame;
  readonly clothing: Clothing | null;
  readonly wearing: Wearing | null;
  /** Light on the body relative to its median, about 0.3–1.9. */
  readonly shade: Plane;
  readonly category: WornCategory;
}

/** The person is looked at in a picture of about this size; finer detail changes nothing. */
const ANALYSIS_SIDE = 512;

/** Finds the person, what they wear where the garment goes, and the light on it. */
export function viewPerson(picture: Raster, category: WornCategory): View {
  const factor = Math.max(1, Math.round(Math.max(picture.width, picture.height) / ANALYSIS_SIDE));
  const lab = labOf(shrunk(picture, factor));
  const skin = skinMask(lab);
  const small = estimatePerson(lab, skinMask(smoothed(lab)));
  const boxes = bodyBoxes(small, category, lab);
  const upper = boxes && findClothing(lab, skin, boxes.sample, boxes.limits, small.headHeight);
  const clothing = upper && category === "one-pieces" ? withLower(upper, lab, skin, small) : upper;
  const person = {
    ...small,
    centreX: small.centreX * factor,
    chinY: small.chinY * factor,
    headHeight: small.headHeight * factor,
  };
  const wearing = clothing && boxes && measureClothing(clothing.cover, small, boxes, factor);
  const shade = shadeOf(lab, clothing, small, boxes?.sample ?? null);
  return { factor, bareSkin: bareSkinOf(skin, small.headHeight), person, clothing, wearing, shade, category };
}

/** Grain and the blocks of a JPEG would tear a face's skin apart. */
function smoothed({ width, height, l, a, b }: LabPlanes): LabPlanes {
  const sigma = Math.max(width, height) / 200;
  const smooth = (data: LabPlanes["l"]) => gaussianBlur({ width, height, data }, sigma).data;
  return { width, height, l: smooth(l), a: smooth(a), b: smooth(b) };
}

/** A dress also lies on the skirt or trousers worn now. */
function withLower(upper: Clothing, lab: LabPlanes, skin: Mask, person: PersonFrame): Clothing {
  const boxes = bodyBoxes(person, "bottoms", lab);
  const lower = boxes && findClothing(lab, skin, boxes.sample, boxes.limits, person.headHeight);
  if (!lower) return upper;
  const cover = { ...upper.cover, data: upper.cover.data.slice() };
  for (let i = 0; i < cover.data.length; i++) {
    cover.data[i] = Math.max(cover.data[i] as number, lower.cover.data[i] as number);
  }
  return { ...upper, cover };
}

/** Skin in regions large enough to be a neck or an arm. */
function bareSkinOf(skin: Mask, headHeight: number): Plane {
  const radius = Math.max(1, headHeight * 0.02);
  const { labels, found } = components(grown(grown(skin, -radius), radius));
  const large = new Set(found.filter(({ area }) => area > 0.08 * headHeight * headHeight).map(({ label }) => label));
  return feathered(
    filledMask(skin, (i) => large.has(labels[i] as number)),
    radius,
  );
}

/** Where to look for the colour of the clothing, and how far it can reach. */
interface BodyBoxes {
  readonly sample: Box;
  readonly limits: Box;
}

/** Null when that part of the body isn't in the picture. */
function bodyBoxes(
  { centreX, chinY, headHeight }: PersonFrame,
  category: WornCategory,
  { width, height }: LabPlanes,
): BodyBoxes | null {
  const [from, to] = category === "bottoms" ? [2.4, 4.2] : [0.55, 1.9];
  const box = (half: number, top: number, bottom: number): Box => ({
    left: clamp(Math.round(centreX - half * headHeight), 0, width),
    right: clamp(Math.round(centreX + half * headHeight), 0, width),
    top: clamp(Math.round(chinY + top * headHeight), 0, height),
    bottom: clamp(Math.round(chinY + bottom * headHeight), 0, height),
  });
  const sample = box(category === "bottoms" ? 0.42 : 0.6, from, to);
  if (sample.bottom - sample.top < 0.4 * headHeight) return null;
  return { sample, limits: box(1.75, category === "bottoms" ? 1.7 : 0.05, category === "bottoms" ? 7 : 4.2) };
}

/** Where the clothing begins near the middle line and how far it reaches beside the sample; in the picture's pixels. */
function measureClothing(
  cover: Plane,
  { centreX, headHeight }: PersonFrame,
  { sample, limits }: BodyBoxes,
  factor: number,
): Wearing {
  const dressed = (x: number, y: number) => (cover.data[y * cover.width + x] as number) > 0.5;
  const middle = clamp(Math.round(centreX), 0, cover.width - 1);
  const halves: number[] = [];
  for (let y = sample.top; y < Math.min(sample.bottom, sample.top + headHeight); y++) {
    let left = middle;
    let right = middle;
    while (left > 0 && dressed(left - 1, y)) left--;
    while (right < cover.width - 1 && dressed(right + 1, y)) right++;
    halves.push(Math.max(middle - left, right - middle));
  }
  halves.sort((a, b) => a - b);
  const side = Math.round(0.4 * headHeight);
  let topY = sample.top;
  for (let x = Math.max(0, middle - side); x < Math.min(cover.width, middle + side); x++) {
    let y = limits.top;
    while (y < topY && !dressed(x, y)) y++;
    topY = y;
  }
  return { topY: topY * factor, reach: (halves[halves.length >> 1] ?? 0) * factor };
}

/**
 * Light and shade of the body. Where the clothing is known only its own pixels count (normalised convolution: Knutsson &
 * Westin 1993), so that its prints and badges don't show through the new garment.
 */
function shadeOf(lab: LabPlanes, clothing: Clothing | null, { headHeight }: PersonFrame, sample: Box | null): Plane {
  const { width, height } = lab;
  const light = createPlane(width, height);
  const weight = createPlane(width, height);
  for (let i = 0; i < light.data.length; i++) {
    const own = clothing === null ? 1 : (clothing.cloth.data[i] as number);
    weight.data[i] = own;
    light.data[i] = own * (lab.l[i] as number);
  }
  const fineSigma = Math.max(1, headHeight * (clothing ? 0.006 : 0.03));
  const fine = [gaussianBlur(light, fineSigma), gaussianBlur(weight, fineSigma)] as const;
  const wide = [gaussianBlur(light, headHeight * 0.13), gaussianBlur(weight, headHeight * 0.13)] as const;
  const normal = clothing?.lightness ?? meanIn(fine[0], sample ?? { left: 0, top: 0, right: width, bottom: height });
  const power = clothing ? 1.25 : 0.45;
  for (let i = 0; i < light.data.length; i++) {
    const near = fine[1].data[i] as number;
    const around = wide[1].data[i] as number;
    const slow = around > 0.02 ? (wide[0].data[i] as number) / around : normal;
    const value = slow + (near > 0.3 ? smoothstep(0.3, 0.95, near) * ((fine[0].data[i] as number) / near - slow) : 0);
    light.data[i] = clamp((value + 8) / (normal + 8), 0.3, 1.7) ** power;
  }
  return light;
}

function meanIn({ width, data }: Plane, box: Box): number {
  let sum = 0;
  let count = 0;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++, count++) sum += data[y * width + x] as number;
  }
  return count > 0 ? sum / count : 50;
}
