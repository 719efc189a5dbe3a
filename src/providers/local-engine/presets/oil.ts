import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { kuwahara, repainted } from "../kuwahara.ts";
import { createPlane, eachRow, lumaOf, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { Smooth, smoothRow } from "../rows.ts";
import { shrunkPlane } from "../shrink.ts";
import { brushMarks } from "../strokes.ts";
import { curve, sCurve } from "../tone.ts";

/** Oil paint: Kuwahara patches, rich colour, and brush marks along the contours lit from the upper left. */
export function oil(source: Raster, rng: Rng): Raster {
  const unit = unitOf(source);
  const patches = kuwahara(source, Math.max(2, 4 * unit));
  const luma = lumaOf(patches.raster);
  const painted = repainted(patches, source, { detail: 0.5, saturation: 1.4 });
  const half = shrunkPlane(luma, 2 / patches.factor);
  const marks = brushMarks(half, Math.max(4, 11 * unit), Math.max(2, 5 * unit), rng);
  const light = createPlane(marks.width, marks.height);
  eachRow(marks.height, lightRow, marks.width, marks.data, light.data);
  letGo(patches.raster, luma, half, marks);
  const contrast = curve((value) => sCurve(value, 0.35));
  const line = new Float32Array(source.width);
  eachRow(source.height, shineRow, painted.data, contrast, new Smooth(light, 2), line);
  letGo(light);
  return painted;
}

/** What the paint's height makes of the light from the upper left: a factor around 1. */
function lightRow(y: number, width: number, data: Float32Array, light: Float32Array): void {
  const above = Math.max(y - 1, 0) * width;
  for (let x = 0, i = y * width; x < width; x++, i++) {
    const mark = data[i] as number;
    light[i] = 1 + 0.035 * mark + 0.11 * (mark - (data[above + Math.max(x - 1, 0)] as number));
  }
}

function shineRow(
  y: number,
  data: Uint8ClampedArray,
  contrast: Uint8ClampedArray,
  light: Smooth,
  line: Float32Array,
): void {
  smoothRow(light, y, line);
  for (let x = 0, p = y * line.length * 4; x < line.length; x++, p += 4) {
    const shine = line[x] as number;
    data[p] = (contrast[data[p] as number] as number) * shine;
    data[p + 1] = (contrast[data[p + 1] as number] as number) * shine;
    data[p + 2] = (contrast[data[p + 2] as number] as number) * shine;
  }
}
