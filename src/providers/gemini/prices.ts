import type { TokenPrices } from "../../kernel/config.ts";

function dollars(input: number, output: number, image: number): TokenPrices {
  return { inputMicros: input * 1e6, outputMicros: output * 1e6, imageMicros: image * 1e6 };
}

/**
 * Published prices of the paid tier, in dollars for a million tokens: input, text and thoughts, pictures.
 * Source: https://ai.google.dev/gemini-api/docs/pricing as of October 2026.
 */
const PUBLISHED: ReadonlyMap<string, TokenPrices> = new Map([
  ["gemini-2.5-flash-image", dollars(0.3, 2.5, 30)],
  ["gemini-3.1-flash-lite-image", dollars(0.25, 1.5, 30)],
  ["gemini-3.1-flash-image", dollars(0.5, 3, 60)],
  ["gemini-3-pro-image", dollars(2, 12, 120)],
]);

function dearest(): TokenPrices {
  const all = [...PUBLISHED.values()];
  return {
    inputMicros: Math.max(...all.map((prices) => prices.inputMicros)),
    outputMicros: Math.max(...all.map((prices) => prices.outputMicros)),
    imageMicros: Math.max(...all.map((prices) => prices.imageMicros)),
  };
}

/**
 * What `model` asks: as configured, else as published, else, where nobody told, as the dearest model that is known: a
 * guess had better be too high than too low. A preview has its model's price.
 */
export function pricesFor(model: string, configured: TokenPrices | null): TokenPrices {
  if (configured !== null) return configured;
  const name = model.replace(/^models\//, "").replace(/-preview(-[\d-]+)?$/, "");
  return PUBLISHED.get(name) ?? dearest();
}
