import type { Raster } from "../../ports/image-codec.ts";
import type { GarmentCategory } from "../../ports/image-generator.ts";
import { gaussianBlur } from "./blur.ts";
import { type Fit, fitGarment, garmentX, garmentY } from "./fit.ts";
import {
  cutOutGarment,
  type Garment,
  guessCategory,
  measureGarment,
  tightened,
  type WornCategory,
} from "./garment-matte.ts";
import { whiteNoise } from "./noise.ts";
import type { PersonFrame } from "./person-frame.ts";
import { type View, viewPerson } from "./person-view.ts";
import { createPlane, type Plane, smoothstep } from "./plane.ts";
import type { Box } from "./regions.ts";
import type { Rng } from "./rng.ts";
import { shrunk, shrunkPlane } from "./shrink.ts";
import { sampleAt } from "./strokes.ts";

export interface TryOn {
  /** The person's picture with the garment on, of the same size. */
  readonly raster: Raster;
  /** Pixels outside are the person's picture, untouched. */
  readonly box: Box;
  readonly category: WornCategory;
  readonly person: PersonFrame;
}

/**
 * Lays a flat-lay garment over a person: cut out, fitted to an estimated body, kept to where clothing (or bare skin below the
 * neck) is, and lit by the folds of what is worn. It doesn't know poses: the result is an overlay, not a photograph.
 */
export function tryOn(person: Raster, garment: Raster, category: GarmentCategory, rng: Rng): TryOn {
  const cut = cutOutGarment(garment, category);
  const worn = category === "auto" ? guessCategory(cut) : category;
  const view = viewPerson(person, worn);
  const fit = fitGarment(measureGarment(cut), view.person, worn, person, view.wearing);
  const layer = layGarment(cut, fit, view, rng);
  return { raster: compose(person, layer, fit.box), box: fit.box, category: worn, person: view.person };
}

/** The garment in the person's picture: colours 0–255 and opacity 0–1, as large as `box`. */
interface Layer {
  readonly colour: Uint8ClampedArray;
  readonly alpha: Plane;
}

function layGarment(cut: Garment, fit: Fit, view: View, rng: Rng): Layer {
  const { box } = fit;
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  const alpha = createPlane(width, height);
  const colour = new Uint8ClampedArray(width * height * 3);
  const source = mipFor(cut, Math.min(fit.stepX, fit.stepY));
  const weave = whiteNoise(width, height, rng);
  const scale = 1 / source.factor;
  for (let y = 0, i = 0; y < height; y++) {
    const gy = garmentY(fit, y + box.top + 0.5) * scale - 0.5;
    for (let x = 0; x < width; x++, i++) {
      const gx = garmentX(fit, x + box.left + 0.5) * scale - 0.5;
      if (gx < -0.5 || gy < -0.5 || gx > source.alpha.width - 0.5 || gy > source.alpha.height - 0.5) continue;
      const opacity = tightened(sampleAt(source.alpha, gx, gy));
      if (opacity <= 0) continue;
      const px = (x + box.left) / view.factor;
      const py = (y + box.top) / view.factor;
      alpha.data[i] = opacity * allowance(view, x + box.left, y + box.top, px, py);
      const light = sampleAt(view.shade, px, py) * (1 + 0.025 * (weave.data[i] as number));
      colour[i * 3] = sampleAt(source.red, gx, gy) * light;
      colour[i * 3 + 1] = sampleAt(source.green, gx, gy) * light;
      colour[i * 3 + 2] = sampleAt(source.blue, gx, gy) * light;
    }
  }
  return { colour, alpha };
}

/** How much of the garment may show at a place: never on the head, and only on clothing and bare skin where that is known. */
function allowance(view: View, x: number, y: number, px: number, py: number): number {
  const { person, clothing, bareSkin, category } = view;
  const head = person.headHeight;
  const dx = (x - person.centreX) / (0.42 * head);
  const dy = (y - (person.chinY - 0.5 * head)) / (0.54 * head);
  const off = smoothstep(1, 1.12, Math.sqrt(dx * dx + dy * dy));
  if (clothing === null || off === 0) return off;
  const dressed = sampleAt(clothing.cover, px, py);
  const below = (y - person.chinY) / head;
  const free = category === "one-pieces" ? smoothstep(1.75, 2, below) : 0;
  const bare = below < 1.1 ? sampleAt(bareSkin, px, py) * (1 - smoothstep(0.9, 1.1, below)) : 0;
  return off * Math.max(dressed, free, bare);
}

interface GarmentPlanes {
  readonly factor: number;
  readonly red: Plane;
  readonly green: Plane;
  readonly blue: Plane;
  readonly alpha: Plane;
}

/** The garment at about the size it is drawn: a plain mean over blocks, so that thin lines don't break up. */
function mipFor({ picture, alpha }: Garment, step: number): GarmentPlanes {
  const factor = Math.max(1, Math.floor(step + 0.3));
  const small = shrunk(picture, factor);
  const channel = (offset: number): Plane => {
    const plane = createPlane(small.width, small.height);
    for (let i = 0; i < plane.data.length; i++) plane.data[i] = small.data[i * 4 + offset] as number;
    return plane;
  };
  return { factor, red: channel(0), green: channel(1), blue: channel(2), alpha: shrunkPlane(alpha, factor) };
}

/** Blends the layer over the picture, with a soft shadow of the garment's edge on what lies beneath. */
function compose(picture: Raster, { colour, alpha }: Layer, box: Box): Raster {
  const { width, height } = picture;
  const data = picture.data.slice();
  const spread = Math.max(1, Math.max(width, height) / 160);
  const shadow = alpha.data.length > 0 ? gaussianBlur(alpha, spread) : alpha;
  const drop = Math.round(spread);
  for (let y = 0, i = 0; y < alpha.height; y++) {
    const above = Math.max(0, y - drop) * alpha.width;
    let p = ((y + box.top) * width + box.left) * 4;
    for (let x = 0; x < alpha.width; x++, i++, p += 4) {
      const opacity = alpha.data[i] as number;
      const dark = 1 - 0.32 * (1 - opacity) * (shadow.data[above + x] as number);
      for (let c = 0; c < 3; c++) {
        const under = (data[p + c] as number) * dark;
        data[p + c] = under + ((colour[i * 3 + c] as number) - under) * opacity;
      }
    }
  }
  return { width, height, data };
}
