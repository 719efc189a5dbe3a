import type { Raster } from "../../ports/image-codec.ts";
import { cartoon } from "./presets/cartoon.ts";
import { duotone } from "./presets/duotone.ts";
import { noir, vintage } from "./presets/film.ts";
import { ink } from "./presets/ink.ts";
import { oil } from "./presets/oil.ts";
import { popArt } from "./presets/pop-art.ts";
import { sketch } from "./presets/sketch.ts";
import { watercolor } from "./presets/watercolor.ts";
import type { Rng } from "./rng.ts";
import { mix } from "./tone.ts";

export interface StyleOptions {
  /** Grain, paper and palette are drawn from it. */
  readonly rng: Rng;
  /** 0 leaves the photo as it is, 1 (the default) is the full style. */
  readonly strength?: number;
}

/** A style the local engine paints. */
export interface StylePreset {
  readonly id: string;
  readonly name: string;
  /** A sentence for users. */
  readonly description: string;
  /** @returns a new raster of the same size with the same alpha; the input is left alone. */
  apply(raster: Raster, options: StyleOptions): Raster;
}

function preset(id: string, name: string, description: string, render: (raster: Raster, rng: Rng) => Raster) {
  return {
    id,
    name,
    description,
    apply: (raster: Raster, { rng, strength = 1 }: StyleOptions) => mix(raster, render(raster, rng), strength),
  };
}

/** Every style, in the order users see them. */
export const STYLE_PRESETS: readonly StylePreset[] = [
  preset("sketch", "Pencil sketch", "Graphite lines and soft hatching on textured paper.", sketch),
  preset("ink", "Ink drawing", "Bold black brush lines and solid shadows on cream paper.", ink),
  preset("oil", "Oil painting", "Rich colours in thick brush strokes that follow every contour.", oil),
  preset("cartoon", "Cartoon", "Bright flat colours with dark outlines, like an animation cel.", cartoon),
  preset("watercolor", "Watercolour", "Light, flowing washes that pool at the edges of rough white paper.", watercolor),
  preset("noir", "Film noir", "Dramatic black and white with deep shadows, glow and film grain.", noir),
  preset("vintage", "Vintage print", "A warm, faded photo print with soft light and a leak of orange.", vintage),
  preset("duotone", "Duotone", "Two striking ink colours; every new try picks another pair.", duotone),
  preset("pop-art", "Pop art", "A loud screen print with comic dots; every new try picks another palette.", popArt),
];

/** The preset with this id, or null. */
export function findPreset(id: string): StylePreset | null {
  return STYLE_PRESETS.find((style) => style.id === id) ?? null;
}
