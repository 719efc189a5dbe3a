import type { TokenPrices } from "../../kernel/config.ts";
import type { GenerationUsage } from "../../ports/image-generator.ts";
import { asRecord, asRecords, field, type JsonRecord } from "../image-models/json-fields.ts";

const MILLION = 1_000_000;

/** Two pictures of four megapixels as the model that charges most for them counts them, and the words around them. */
const EXPECTED_PROMPT_TOKENS = 6_000;
/** A picture of 1K and a draft of it; 1,290 is the most that a model counts for one. */
const EXPECTED_IMAGE_TOKENS = 2 * 1_290;
/** Thoughts and a few sentences. */
const EXPECTED_TEXT_TOKENS = 2_000;

interface Tokens {
  readonly prompt: number;
  readonly image: number;
  readonly text: number;
}

function costOf({ prompt, image, text }: Tokens, prices: TokenPrices): number {
  const micros = prompt * prices.inputMicros + image * prices.imageMicros + text * prices.outputMicros;
  return Math.ceil(micros / MILLION);
}

/**
 * What a call is expected to cost, in millionths of a US dollar: more than usual ones do, and no more than that. Nothing in
 * a request limits what the model thinks and writes, so that the bill of one may be higher.
 */
export function expectedCost(prices: TokenPrices): number {
  const tokens = { prompt: EXPECTED_PROMPT_TOKENS, image: EXPECTED_IMAGE_TOKENS, text: EXPECTED_TEXT_TOKENS };
  return costOf(tokens, prices);
}

function count(metadata: JsonRecord, name: string): number | null {
  const value = field(metadata, name);
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

/** Output by the total, which is what is billed: the parts are known not to add up to it. */
function outputOf(metadata: JsonRecord, prompt: number): number {
  const total = count(metadata, "totalTokenCount");
  if (total !== null && total >= prompt) return total - prompt;
  return (count(metadata, "candidatesTokenCount") ?? 0) + (count(metadata, "thoughtsTokenCount") ?? 0);
}

/** The tokens that are told to be picture; null where no such thing is told. */
function imageTokens(metadata: JsonRecord): number | null {
  const details = asRecords(field(metadata, "candidatesTokensDetails"));
  if (details.length === 0) return null;
  const ofImages = details.filter((detail) => detail.modality === "IMAGE").map((detail) => count(detail, "tokenCount"));
  return ofImages.reduce<number>((sum, tokens) => sum + (tokens ?? 0), 0);
}

/**
 * What a response says it used, priced so that it is never too low: tokens of which nobody says what they are count as
 * picture, the dearest kind.
 * @param hasPicture whether the response holds one, whatever its details say.
 * @returns null where the response doesn't tell.
 */
export function usageOf(response: unknown, prices: TokenPrices, hasPicture: boolean): GenerationUsage | null {
  const metadata = asRecord(field(asRecord(response), "usageMetadata"));
  if (metadata === null) return null;
  if (count(metadata, "promptTokenCount") === null && count(metadata, "totalTokenCount") === null) return null;
  const prompt = count(metadata, "promptTokenCount") ?? 0;
  const output = outputOf(metadata, prompt);
  const told = imageTokens(metadata);
  const image = told === null || (told === 0 && hasPicture) ? output : told;
  const tokens = { prompt, image, text: Math.max(0, output - image) };
  return { promptTokens: prompt, outputTokens: output, costMicros: costOf(tokens, prices) };
}
