import { boxBlur } from "./blur.ts";
import { createPlane, type Plane } from "./plane.ts";

/** A yes/no for every pixel. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A rectangle in pixels; `right` and `bottom` are exclusive. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Component {
  readonly label: number;
  readonly area: number;
  readonly box: Box;
}

export function createMask(width: number, height: number): Mask {
  return { width, height, data: new Uint8Array(width * height) };
}

/** A mask of `size` with the pixels that `holds` says. (`Uint8Array.from` with a function is ten times slower.) */
export function filledMask({ width, height }: Omit<Mask, "data">, holds: (index: number) => boolean): Mask {
  const mask = createMask(width, height);
  for (let i = 0; i < mask.data.length; i++) mask.data[i] = holds(i) ? 1 : 0;
  return mask;
}

/**
 * Spreads from the seeds to 4-neighbours that `enters` accepts (from one index to the next).
 * @returns 1 where the flood came. Seeds are taken as accepted. Each pixel is visited once.
 */
export function flood(
  width: number,
  height: number,
  seeds: Iterable<number>,
  enters: (to: number, from: number) => boolean,
): Mask {
  const mask = createMask(width, height);
  const stack = new Int32Array(width * height);
  let size = 0;
  for (const seed of seeds) {
    if (mask.data[seed] !== 0) continue;
    mask.data[seed] = 1;
    stack[size++] = seed;
  }
  const visit = (to: number, from: number) => {
    if (mask.data[to] !== 0 || !enters(to, from)) return;
    mask.data[to] = 1;
    stack[size++] = to;
  };
  while (size > 0) {
    const at = stack[--size] as number;
    const x = at % width;
    if (x > 0) visit(at - 1, at);
    if (x < width - 1) visit(at + 1, at);
    if (at >= width) visit(at - width, at);
    if (at < width * (height - 1)) visit(at + width, at);
  }
  return mask;
}

/** The 4-connected regions of a mask, numbered from 1 in `labels` (0 is outside), largest first. */
export function components({ width, height, data }: Mask): {
  readonly labels: Int32Array;
  readonly found: readonly Component[];
} {
  const labels = new Int32Array(data.length);
  const stack = new Int32Array(data.length);
  const found: Component[] = [];
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] === 0 || labels[seed] !== 0) continue;
    const label = found.length + 1;
    let size = 0;
    let area = 0;
    let [left, top, right, bottom] = [width, height, 0, 0];
    const visit = (at: number) => {
      if (data[at] === 0 || labels[at] !== 0) return;
      labels[at] = label;
      stack[size++] = at;
    };
    visit(seed);
    while (size > 0) {
      const at = stack[--size] as number;
      const x = at % width;
      const y = (at - x) / width;
      area++;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
      if (x > 0) visit(at - 1);
      if (x < width - 1) visit(at + 1);
      if (y > 0) visit(at - width);
      if (y < height - 1) visit(at + width);
    }
    found.push({ label, area, box: { left, top, right, bottom } });
  }
  found.sort((a, b) => b.area - a.area);
  return { labels, found };
}

/** Only the largest region, and where it is; null for an empty mask. */
export function largestRegion(mask: Mask): { readonly mask: Mask; readonly component: Component } | null {
  const { labels, found } = components(mask);
  const component = found[0];
  if (!component) return null;
  return { mask: filledMask(mask, (i) => labels[i] === component.label), component };
}

/** Grows (positive) or shrinks (negative) a mask by about `by` pixels in every direction, square-shaped. */
export function grown(mask: Mask, by: number): Mask {
  const radius = Math.round(Math.abs(by));
  if (radius === 0) return mask;
  const share = maskPlane(mask);
  boxBlur(share, radius, createPlane(mask.width, mask.height), share);
  const limit = by > 0 ? 1e-4 : 1 - 1e-4;
  return filledMask(mask, (i) => (share.data[i] as number) > limit);
}

/** The mask as 0 and 1 in floats. */
export function maskPlane({ width, height, data }: Mask): Plane {
  return { width, height, data: new Float32Array(data) };
}

/** The mask with soft edges about `radius` pixels wide. */
export function feathered(mask: Mask, radius: number): Plane {
  const plane = maskPlane(mask);
  const scratch = createPlane(mask.width, mask.height);
  boxBlur(plane, Math.round(radius), scratch, plane);
  return boxBlur(plane, Math.round(radius / 2), scratch, plane);
}
