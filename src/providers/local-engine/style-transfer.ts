import { letGo } from "../../kernel/let-go.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { type LabPlanes, labInto, labOf } from "./lab.ts";
import { blankLike, clamp, smoothstep } from "./plane.ts";
import type { Rng } from "./rng.ts";

export interface ChannelStats {
  readonly mean: number;
  readonly deviation: number;
}
export interface Palette {
  readonly l: ChannelStats;
  readonly a: ChannelStats;
  readonly b: ChannelStats;
}

/** Mean and standard deviation of lightness and both colour axes (CIE L*a*b*). */
export function paletteOf(lab: LabPlanes): Palette {
  return { l: statsOf(lab.l), a: statsOf(lab.a), b: statsOf(lab.b) };
}

function statsOf(values: Float32Array): ChannelStats {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    sum += value;
    squares += value * value;
  }
  return fromSums(values.length, sum, squares);
}

function fromSums(weight: number, sum: number, squares: number): ChannelStats {
  const mean = sum / (weight + 1e-6);
  return { mean, deviation: Math.sqrt(Math.max(0, squares / (weight + 1e-6) - mean * mean)) };
}

/** How far lightness goes towards the style's: all the way would turn a portrait black on a night sky's palette. */
const LIGHTNESS_SHARE = 0.5;
/** Lightness keeps more of its own contrast than the colour axes, or a dim style would leave a grey veil. */
const LIGHTNESS_RATIO = [0.8, 1.5] as const;

/**
 * Gives a photo the colours of another picture (Reinhard et al., "Color Transfer between Images", 2001): mean and deviation of
 * each L*a*b* axis are moved to the style's. Colour is matched apart in the shadows, middles and lights of both pictures,
 * so that a style's accents come across too; deviation ratios are kept within 0.5–2 so that faces stay faces.
 *
 * A trace of noise from `rng` hides the banding that stretched colours show.
 * @param strength 0 leaves the photo as it is, 1 is the full transfer.
 * @returns a new raster of the photo's size with its alpha. `style` may have any size.
 */
export function transferStyle(photo: Raster, style: Raster, strength: number, rng: Rng): Raster {
  const lab = labOf(photo);
  const zones = zonesOf(lab.l);
  const { lightness, shifts } = shiftsBetween(lab, zones, style);
  const [low, middle, high] = shifts;
  const ratio = clamp(sigmaRatio(lightness.from, lightness.to), LIGHTNESS_RATIO[0], LIGHTNESS_RATIO[1]);
  for (let i = 0; i < lab.l.length; i++) {
    const l = lab.l[i] as number;
    const a = lab.a[i] as number;
    const b = lab.b[i] as number;
    const dark = weightAt(zones.dark, l);
    const light = weightAt(zones.light, l);
    const between = 1 - dark - light;
    const moved = (l - lightness.from.mean) * ratio + lightness.to.mean;
    const dither = (rng() - 0.5) * 1.6;
    lab.l[i] = clamp(l + ((moved - l) * LIGHTNESS_SHARE + dither) * strength, 0, 100);
    const newA = dark * shifted(low.a, a) + between * shifted(middle.a, a) + light * shifted(high.a, a);
    const newB = dark * shifted(low.b, b) + between * shifted(middle.b, b) + light * shifted(high.b, b);
    lab.a[i] = a + (newA - a) * strength;
    lab.b[i] = b + (newB - b) * strength;
  }
  const target = blankLike(photo);
  labInto(lab, target);
  letGo({ data: lab.l }, { data: lab.a }, { data: lab.b });
  return target;
}

/** The linear map of one colour axis in one zone. */
interface AxisShift {
  readonly from: number;
  readonly to: number;
  readonly ratio: number;
}
interface ZoneShift {
  readonly a: AxisShift;
  readonly b: AxisShift;
}

function shifted({ from, to, ratio }: AxisShift, value: number): number {
  return (value - from) * ratio + to;
}

function sigmaRatio(from: ChannelStats, to: ChannelStats): number {
  return clamp(to.deviation / Math.max(1e-3, from.deviation), 0.5, 2);
}

/** Everything that is needed of the style, so that its planes can be let go before the photo is repainted. */
function shiftsBetween(photo: LabPlanes, zones: Zones, style: Raster) {
  const to = labOf(style);
  const wanted = zoneStats(to, zonesOf(to.l));
  const shifts = zoneStats(photo, zones).map((from, zone): ZoneShift => {
    const goal = wanted[zone] as ZoneStats;
    const axis = (a: ChannelStats, b: ChannelStats) => ({ from: a.mean, to: b.mean, ratio: sigmaRatio(a, b) });
    return { a: axis(from.a, goal.a), b: axis(from.b, goal.b) };
  }) as [ZoneShift, ZoneShift, ZoneShift];
  const lightness = { from: statsOf(photo.l), to: statsOf(to.l) };
  letGo({ data: to.l }, { data: to.a }, { data: to.b });
  return { lightness, shifts };
}

/** How much a pixel belongs to a picture's shadows and lights, by its lightness in 1/255 of the range; the rest is middle. */
interface Zones {
  readonly dark: Float32Array;
  readonly light: Float32Array;
}

const BINS = 255;

/** Zones by rank: what counts is the part of the picture that is darker. */
function zonesOf(lightness: Float32Array): Zones {
  const below = new Uint32Array(BINS + 2);
  for (let i = 0; i < lightness.length; i++) {
    const bin = (clamp(((lightness[i] as number) * BINS) / 100, 0, BINS) | 0) + 1;
    below[bin] = (below[bin] as number) + 1;
  }
  const dark = new Float32Array(BINS + 2);
  const light = new Float32Array(BINS + 2);
  for (let bin = 0; bin < below.length; bin++) {
    if (bin > 0) below[bin] = (below[bin] as number) + (below[bin - 1] as number);
    const rank = (below[bin] as number) / lightness.length;
    dark[bin] = 1 - smoothstep(0.2, 0.45, rank);
    light[bin] = smoothstep(0.6, 0.9, rank);
  }
  return { dark, light };
}

function weightAt(table: Float32Array, l: number): number {
  const at = clamp((l * BINS) / 100, 0, BINS);
  const bin = at | 0;
  const low = table[bin] as number;
  return low + (at - bin) * ((table[bin + 1] as number) - low);
}

interface ZoneStats {
  readonly a: ChannelStats;
  readonly b: ChannelStats;
}

/** Colour in the shadows, the middle and the lights. */
function zoneStats({ l, a, b }: LabPlanes, { dark, light }: Zones): readonly [ZoneStats, ZoneStats, ZoneStats] {
  // Weight, sum and squares of a, sum and squares of b; for each zone.
  const sums = new Float64Array(15);
  for (let i = 0; i < l.length; i++) {
    const shadow = weightAt(dark, l[i] as number);
    const bright = weightAt(light, l[i] as number);
    addTo(sums, 0, shadow, a[i] as number, b[i] as number);
    addTo(sums, 5, 1 - shadow - bright, a[i] as number, b[i] as number);
    addTo(sums, 10, bright, a[i] as number, b[i] as number);
  }
  const zone = (at: number): ZoneStats => {
    const [weight, sumA, squaresA, sumB, squaresB] = sums.subarray(at, at + 5) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    return { a: fromSums(weight, sumA, squaresA), b: fromSums(weight, sumB, squaresB) };
  };
  return [zone(0), zone(5), zone(10)];
}

function addTo(sums: Float64Array, at: number, weight: number, a: number, b: number): void {
  sums[at] = (sums[at] as number) + weight;
  sums[at + 1] = (sums[at + 1] as number) + weight * a;
  sums[at + 2] = (sums[at + 2] as number) + weight * a * a;
  sums[at + 3] = (sums[at + 3] as number) + weight * b;
  sums[at + 4] = (sums[at + 4] as number) + weight * b * b;
}
