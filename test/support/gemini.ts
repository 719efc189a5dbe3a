import type { GeminiConfig } from "../../src/kernel/config.ts";
import { type GenerateRequest, GenerationError, type SourceImage } from "../../src/ports/image-generator.ts";
import type { GeminiFake } from "../../src/providers/gemini/fake.ts";
import { createGeminiGenerator } from "../../src/providers/gemini/gemini-image-generator.ts";
import { LOSSY_WEBP, pngOf } from "./pictures.ts";

export const MODELS = { style: "gemini-3.1-flash-image", tryon: "gemini-3-pro-image" };
/** Eight hours before midnight in California. */
export const NOW = Date.parse("2026-07-15T23:00:00Z");
export const PROMPT = "make my jacket turquoise";

const person: SourceImage = { bytes: pngOf(120, 160, () => [200, 40, 40]), mime: "image/png", width: 120, height: 160 };
const garment: SourceImage = { bytes: LOSSY_WEBP, mime: "image/webp", width: 96, height: 64 };
const common = {
  conversionId: "cnv_1",
  person,
  prompt: PROMPT,
  seed: 7,
  outputMime: "image/jpeg",
  imageOnly: false,
} as const;

export const tryOn = { ...common, kind: "tryon", garment, category: "tops" } as const satisfies GenerateRequest;
export const byPicture = { ...common, kind: "style", style: { image: garment } } as const satisfies GenerateRequest;
export const byPreset = { ...common, kind: "style", style: { preset: "oil" } } as const satisfies GenerateRequest;

/** The Gemini provider against a fake. */
export function generatorFor(fake: GeminiFake, changes: Partial<GeminiConfig> = {}, now: () => number = () => NOW) {
  const config = { apiKey: fake.apiKey, baseUrl: fake.url, gatewayToken: null, models: MODELS, prices: null };
  return createGeminiGenerator({ ...config, ...changes }, now);
}

/** The error of a call that fails, which tells nothing of the url, the key or the user's words. */
export async function failureOf(fake: GeminiFake, work: Promise<unknown>): Promise<GenerationError> {
  const error = await work.then(
    () => new Error("expected a failure"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GenerationError)) throw error;
  const told = `${error.message}\n${error.stack}\n${String(error.cause)}`;
  const leaked = [fake.url, fake.apiKey, PROMPT].filter((secret) => told.includes(secret));
  if (leaked.length > 0) throw new Error(`the error tells ${leaked.join(", ")}`);
  if (/[\n\r]/.test(error.message) || error.message.length > 300) throw new Error("the error is no short line");
  return error;
}
