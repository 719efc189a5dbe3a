interface ShrinkLimits {
  readonly maxSide: number;
  readonly maxPixels: number;
  /** What the other side must keep where it has it, over `maxSide` if need be. */
  readonly minSide?: number;
}

/**
 * The longest side, in px, that a picture may keep: shrunk to it in its proportions it has at most `maxPixels`, however
 * its other side is rounded, and no side over `maxSide`. Its own longest side where it is small enough.
 */
export function shrunkSide(
  { width, height }: { readonly width: number; readonly height: number },
  { maxSide, maxPixels, minSide = 0 }: ShrinkLimits,
): number {
  const [short, long] = width < height ? [width, height] : [height, width];
  const wanted = Math.max(maxSide, Math.ceil((minSide * long) / short));
  let side = Math.min(long, wanted, Math.ceil(Math.sqrt((maxPixels * long) / short)));
  while (side > 1 && side * Math.ceil((side * short) / long) > maxPixels) side -= 1;
  return side;
}
