import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { kuwahara } from "../kuwahara.ts";
import { labInto, labOf } from "../lab.ts";
import { outlines } from "../lines.ts";
import { blankLike, clamp, lumaOf, softTanh, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { keepDetail } from "../tone.ts";

/** Distance between the steps and steepness of the change between them, in and per unit of L*. */
const STEP = 12;
const SHARPNESS = 0.7;

/**
 * Animation cel: smoothed colour with lightness in soft steps (Winnemöller, Olsen & Gooch, "Real-Time Video
 * Abstraction", 2006), vivid hues and dark outlines. The seed shifts where the steps fall.
 */
export function cartoon(source: Raster, rng: Rng): Raster {
  const unit = unitOf(source);
  const smooth = kuwahara(source, Math.max(2, 4 * unit));
  keepDetail(smooth, source, 0.45);
  const luma = lumaOf(source);
  const lines = outlines(luma, Math.max(0.9, 1.8 * unit), 34);
  const lab = labOf(smooth);
  letGo(luma, smooth);
  const phase = rng() * STEP;
  for (let i = 0; i < lab.l.length; i++) {
    const l = lab.l[i] as number;
    const boundary = Math.round((l - phase) / STEP) * STEP + phase;
    const stepped = boundary + (STEP / 2) * softTanh((l - boundary) * SHARPNESS);
    lab.l[i] = clamp(3 + stepped * 1.05, 0, 100) * (0.1 + 0.9 * (lines.data[i] as number));
    lab.a[i] = (lab.a[i] as number) * 1.4;
    lab.b[i] = (lab.b[i] as number) * 1.4;
  }
  const target = blankLike(source);
  labInto(lab, target);
  letGo(lines, { data: lab.l }, { data: lab.a }, { data: lab.b });
  return target;
}
