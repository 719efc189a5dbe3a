import { distanceBetween, type LabPlanes } from "./lab.ts";
import { clamp } from "./plane.ts";
import { type Component, components, createMask, filledMask, flood, grown, type Mask } from "./regions.ts";

/** Where a person is in a picture, in its pixels. Body measures follow from the head's height. */
export interface PersonFrame {
  /** The body's middle line. */
  readonly centreX: number;
  readonly chinY: number;
  /** Crown to chin. */
  readonly headHeight: number;
  /** What the estimate rests on, best first. */
  readonly basis: "face" | "silhouette" | "proportions";
}

/** A head is 1.75 times as high as the face's skin is wide; the chin is at most 1.3 widths below the skin's top. */
const HEAD_PER_FACE_WIDTH = 1.75;
const FACE_LENGTH = 1.3;

/** Pixels of skin colour: hue and chroma in L*a*b*, which all complexions share (after Cavalcanti & Scharcanski). */
export function skinMask({ width, height, l, a, b }: LabPlanes): Mask {
  const mask = createMask(width, height);
  for (let i = 0; i < mask.data.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    const chroma2 = x * x + y * y;
    const light = l[i] as number;
    if (light < 18 || light > 94 || chroma2 < 81 || chroma2 > 2116 || x <= 0) continue;
    const slope = y / x;
    if (slope > 0.32 && slope < 3.2) mask.data[i] = 1;
  }
  return mask;
}

/** Finds the person by face, else by silhouette on a plain background, else by where people usually stand. */
export function estimatePerson(lab: LabPlanes, skin: Mask): PersonFrame {
  return byFace(skin) ?? bySilhouette(lab) ?? byProportions(lab.width, lab.height);
}

function byFace(skin: Mask): PersonFrame | null {
  const { width, height } = skin;
  const { labels, found } = components(grown(skin, -Math.max(1, Math.max(width, height) / 400)));
  let best: Component | null = null;
  let bestScore = 0;
  for (const component of found.slice(0, 24)) {
    const score = faceScore(component, width, height);
    if (score > bestScore) [best, bestScore] = [component, score];
  }
  if (!best) return null;
  const faceWidth = widestRows(labels, best, width);
  const chinY = chinOf(labels, best, width, faceWidth);
  const headHeight = Math.max(HEAD_PER_FACE_WIDTH * faceWidth, 1.2 * (chinY - best.box.top));
  return { centreX: middleOf(labels, best, width, chinY), chinY, headHeight, basis: "face" };
}

/** 0 for what can't be a face; larger for large, compact regions high up in the middle. */
function faceScore({ area, box }: Component, width: number, height: number): number {
  const w = box.right - box.left;
  const h = box.bottom - box.top;
  if (area < 0.0012 * width * height || w > 0.75 * width || h / w > 3.2 || h / w < 0.6) return 0;
  const fill = area / (w * h);
  const x = ((box.left + box.right) / 2 / width - 0.5) / 0.24;
  const y = ((box.top + Math.min(h, 1.4 * w) / 2) / height - 0.22) / 0.25;
  return fill < 0.3 ? 0 : Math.sqrt(area) * fill * Math.exp(-x * x - y * y);
}

/** The extent of a region in one row of pixels. */
interface Row {
  readonly y: number;
  readonly first: number;
  readonly last: number;
}

function rowsOf(labels: Int32Array, { label, box }: Component, width: number): Row[] {
  const rows: Row[] = [];
  for (let y = box.top; y < box.bottom; y++) {
    let first = box.right;
    let last = box.left - 1;
    for (let x = box.left; x < box.right; x++) {
      if (labels[y * width + x] !== label) continue;
      first = Math.min(first, x);
      last = x;
    }
    if (last >= first) rows.push({ y, first, last });
  }
  return rows;
}

/** The width that a fifth of the rows reach, within the part that can be the face and not the chest. */
function widestRows(labels: Int32Array, component: Component, width: number): number {
  const { box } = component;
  const limit = box.top + 1.2 * Math.min(box.right - box.left, box.bottom - box.top);
  const counts = rowsOf(labels, component, width)
    .filter(({ y }) => y < limit)
    .map(({ first, last }) => last - first + 1)
    .sort((a, b) => b - a);
  return Math.max(4, (counts[Math.floor(counts.length * 0.2)] ?? 4) * 1.08);
}

/** Where the face narrows to the neck, where the skin ends (a collar), or where faces end by their proportions. */
function chinOf(labels: Int32Array, component: Component, width: number, faceWidth: number): number {
  const top = component.box.top;
  const neck = rowsOf(labels, component, width).find(
    ({ y, first, last }) =>
      y > top + 0.95 * faceWidth && y < component.box.bottom - 0.35 * faceWidth && last - first < 0.68 * faceWidth,
  );
  return Math.min(neck?.y ?? Number.POSITIVE_INFINITY, component.box.bottom + 2, top + FACE_LENGTH * faceWidth);
}

function middleOf(labels: Int32Array, component: Component, width: number, chinY: number): number {
  const rows = rowsOf(labels, component, width).filter(({ y }) => y <= chinY);
  return rows.reduce((sum, { first, last }) => sum + (first + last) / 2, 0) / Math.max(1, rows.length);
}

/** What stands out from a plain background: the topmost part is a head. */
function bySilhouette(lab: LabPlanes): PersonFrame | null {
  const { width, height } = lab;
  const edge: number[] = [];
  for (let x = 0; x < width; x++) edge.push(x);
  for (let y = 0; y < height * 0.5; y++) edge.push(y * width, y * width + width - 1);
  const background = flood(width, height, edge, (to, from) => distanceBetween(lab, to, from) < 3);
  const figure = components(filledMask(background, (i) => background.data[i] === 0)).found[0];
  if (!figure || figure.area < 0.06 * width * height || figure.area > 0.8 * width * height) return null;
  const { box } = figure;
  const tall = (box.bottom - box.top) / Math.max(1, box.right - box.left);
  const headHeight = (box.bottom - box.top) * (tall > 2 ? 1 / 7.5 : 0.32);
  return { centreX: (box.left + box.right) / 2, chinY: box.top + headHeight, headHeight, basis: "silhouette" };
}

/** A tall picture shows a whole person, any other a bust. */
function byProportions(width: number, height: number): PersonFrame {
  const whole = height > 1.7 * width;
  const headHeight = height * (whole ? 0.125 : 0.3);
  const chinY = height * (whole ? 0.06 : 0.08) + headHeight;
  return { centreX: width / 2, chinY: clamp(chinY, 0, height), headHeight, basis: "proportions" };
}
