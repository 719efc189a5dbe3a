import type { GarmentShape, WornCategory } from "./garment-matte.ts";
import type { PersonFrame } from "./person-frame.ts";
import { clamp } from "./plane.ts";
import type { Box } from "./regions.ts";

/** How garment pixels lie on the person: affine on the trunk, sleeves drawn in to the arms. */
export interface Fit {
  readonly centreX: number;
  readonly shape: GarmentShape;
  /** Where the garment's neckline or waistband comes to lie. */
  readonly topY: number;
  /** Half the trunk's width on the person, and garment pixels for each of the person's within it. */
  readonly trunkHalf: number;
  readonly stepX: number;
  /** Garment pixels for each of the person's beyond the trunk, and downwards. */
  readonly sleeveStep: number;
  readonly stepY: number;
  /** What the garment can reach. */
  readonly box: Box;
}

export interface Wearing {
  readonly topY: number;
  readonly reach: number;
}

/** Body measures in head heights (artists' canon of 7.5 heads): from the chin down, how far the top may vary, half widths. */
const BODY: Record<WornCategory, { top: number; slack: number; length: number; trunk: number; full: number }> = {
  tops: { top: 0.2, slack: 0.12, length: 2.75, trunk: 0.82, full: 1.2 },
  bottoms: { top: 2, slack: 0.6, length: 4.3, trunk: 0.78, full: 0.86 },
  "one-pieces": { top: 0.2, slack: 0.12, length: 4.6, trunk: 0.8, full: 1.2 },
};

/**
 * Lays a garment on a person.
 * @param wearing the present clothing, where that is known: its highest point near the middle line, and how far it goes to
 * both sides of that line; pixels.
 */
export function fitGarment(
  shape: GarmentShape,
  person: PersonFrame,
  category: WornCategory,
  picture: { readonly width: number; readonly height: number },
  wearing: Wearing | null,
): Fit {
  const head = person.headHeight;
  const body = BODY[category];
  const usual = body.full * head;
  const fullHalf = wearing === null ? usual : clamp(wearing.reach, 0.85 * usual, 1.45 * usual);
  const trunkHalf = fullHalf * (body.trunk / body.full);
  const stepX = shape.trunkHalf / trunkHalf;
  const overhang = shape.fullHalf - shape.trunkHalf;
  const sleeve = fullHalf - trunkHalf;
  const sleeveStep = overhang <= sleeve * stepX ? stepX : overhang / sleeve;
  // The garment keeps its proportions unless that would make it far too long or short for the body.
  const naturalLength = (shape.bottomY - shape.neckY) / stepX;
  const length = clamp(naturalLength, 0.85 * body.length * head, 1.15 * body.length * head);
  const stepY = (shape.bottomY - shape.neckY) / length;
  const rise = (shape.neckY - shape.topY) / stepY;
  const wanted = topOf(person, body, wearing, rise);
  // Of trousers on a bust at least something should show.
  const topY = category === "bottoms" ? Math.min(wanted, 0.8 * picture.height) : wanted;
  const half = trunkHalf + Math.max(0, overhang / sleeveStep);
  const box = {
    left: clamp(Math.floor(person.centreX - half), 0, picture.width),
    right: clamp(Math.ceil(person.centreX + half), 0, picture.width),
    top: clamp(Math.floor(topY - rise), 0, picture.height),
    bottom: clamp(Math.ceil(topY + length), 0, picture.height),
  };
  return { centreX: person.centreX, shape, topY, trunkHalf, stepX, sleeveStep, stepY, box };
}

/** The garment's highest cloth goes where that of the present clothing is, as far as bodies allow. */
function topOf(
  { chinY, headHeight }: PersonFrame,
  { top, slack }: { readonly top: number; readonly slack: number },
  wearing: Wearing | null,
  rise: number,
): number {
  const usual = chinY + top * headHeight;
  if (wearing === null) return usual;
  const wanted = wearing.topY - 0.03 * headHeight + rise;
  return clamp(wanted, usual - slack * headHeight, usual + slack * headHeight);
}

/** The garment's column under the person's column `x`. */
export function garmentX({ centreX, shape, trunkHalf, stepX, sleeveStep }: Fit, x: number): number {
  const offset = x - centreX;
  const beyond = Math.abs(offset) - trunkHalf;
  if (beyond <= 0) return shape.centreX + offset * stepX;
  return shape.centreX + Math.sign(offset) * (shape.trunkHalf + beyond * sleeveStep);
}

/** The garment's row under the person's row `y`. */
export function garmentY({ shape, topY, stepY }: Fit, y: number): number {
  return shape.neckY + (y - topY) * stepY;
}
