/** What every model of the family makes; https://ai.google.dev/gemini-api/docs/image-generation. */
const COMMON_RATIOS = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"] as const;
/** What Gemini 3.1 makes besides. */
const LONG_RATIOS = ["1:4", "4:1", "1:8", "8:1"] as const;

export type AspectRatio = (typeof COMMON_RATIOS)[number] | (typeof LONG_RATIOS)[number];

function quotientOf(ratio: AspectRatio): number {
  const [width, height] = ratio.split(":").map(Number);
  return (width as number) / (height as number);
}

/** The ratio that `model` makes which distorts a picture of this size the least. */
export function nearestAspectRatio(model: string, { width, height }: { width: number; height: number }): AspectRatio {
  const known: readonly AspectRatio[] = model.includes("gemini-3.1-")
    ? [...COMMON_RATIOS, ...LONG_RATIOS]
    : COMMON_RATIOS;
  // Twice as wide is as far off as twice as high: distances are between logarithms.
  const distance = (ratio: AspectRatio) => Math.abs(Math.log(quotientOf(ratio)) - Math.log(width / height));
  return known.reduce((best, ratio) => (distance(ratio) < distance(best) ? ratio : best));
}
