import { letGo } from "../../../kernel/let-go.ts";
import type { Raster } from "../../../ports/image-codec.ts";
import { kuwahara } from "../kuwahara.ts";
import { lumaOf, unitOf } from "../plane.ts";
import type { Rng } from "../rng.ts";
import { brushMarks, sampleAt } from "../strokes.ts";
import { curve, keepDetail, saturate, sCurve } from "../tone.ts";

/** Oil paint: Kuwahara patches, rich colour, and brush marks along the contours lit from the upper left. */
export function oil(source: Raster, rng: Rng): Raster {
  const unit = unitOf(source);
  const painted = kuwahara(source, Math.max(2, 4 * unit));
  keepDetail(painted, source, 0.5);
  saturate(painted, 1.4);
  const luma = lumaOf(painted);
  const marks = brushMarks(luma, Math.max(4, 11 * unit), Math.max(2, 5 * unit), rng);
  const contrast = curve((value) => sCurve(value, 0.35));
  const { width, height, data } = painted;
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p += 4) {
      const height = sampleAt(marks, x / 2, y / 2);
      const relief = height - sampleAt(marks, x / 2 - 0.8, y / 2 - 0.8);
      const light = 1 + 0.035 * height + 0.11 * relief;
      data[p] = (contrast[data[p] as number] as number) * light;
      data[p + 1] = (contrast[data[p + 1] as number] as number) * light;
      data[p + 2] = (contrast[data[p + 2] as number] as number) * light;
    }
  }
  letGo(luma, marks);
  return painted;
}
