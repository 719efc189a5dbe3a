import { STYLE_PRESET_IDS, type StylePresetId } from "../../modules/conversions/style-presets.ts";
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
  readonly id: StylePresetId;
  /** @returns a new raster of the same size with the same alpha; the input is left alone. */
  apply(raster: Raster, options: StyleOptions): Raster;
}

function preset(id: StylePresetId, render: (raster: Raster, rng: Rng) => Raster): StylePreset {
  return {
    id,
    apply: (raster, { rng, strength = 1 }) => mix(raster, render(raster, rng), strength),
  };
}

const RENDERERS: Record<StylePresetId, (raster: Raster, rng: Rng) => Raster> = {
  sketch,
  ink,
  oil,
  cartoon,
  watercolor,
  noir,
  vintage,
  duotone,
  "pop-art": popArt,
};

/** Every style, in the order users see them. */
export const STYLE_PRESETS: readonly StylePreset[] = STYLE_PRESET_IDS.map((id) => preset(id, RENDERERS[id]));

/** The preset with this id, or null. */
export function findPreset(id: string): StylePreset | null {
  return STYLE_PRESETS.find((style) => style.id === id) ?? null;
}
