import { GoogleGenerativeAI, type RequestOptions } from "@google/generative-ai";
import type { GeminiConfig } from "../../kernel/config.ts";
import {
  type GeneratedImage,
  type GenerateRequest,
  GenerationError,
  type ImageGenerator,
} from "../../ports/image-generator.ts";
import { providerText } from "../image-models/provider-text.ts";
import { cleanWish } from "../image-models/quote-wish.ts";
import { toGenerationError } from "./classify-error.ts";
import { refuseRedirectsWithKey } from "./no-redirects.ts";
import { holdsPicture, parseResponse } from "./parse-response.ts";
import { pricesFor } from "./prices.ts";
import { toContentRequest, toRequestOptions } from "./request.ts";
import { expectedCost, usageOf } from "./usage.ts";

function requestOptions(config: GeminiConfig, model: string): RequestOptions {
  try {
    return toRequestOptions(config);
  } catch {
    throw new GenerationError("config", `Gemini ${model}: no request can be made of the configured url and keys`);
  }
}

/** The answer's JSON, whatever it holds. @throws {GenerationError} when there is none. */
async function ask(
  config: GeminiConfig,
  model: string,
  request: GenerateRequest,
  { signal, now }: { readonly signal: AbortSignal; readonly now: () => number },
): Promise<unknown> {
  const options = requestOptions(config, model);
  // The SDK only listens for the moment of an abort: a signal that has fired already would stop nothing.
  if (signal.aborted) throw new GenerationError("timeout", `Gemini ${model}: out of time before the request`);
  const body = toContentRequest(model, request);
  const startedAt = now();
  try {
    const client = new GoogleGenerativeAI(config.apiKey).getGenerativeModel({ model }, options);
    // Its helpers (`text()` and the like) are left alone: they give an empty string for a refusal.
    return (await client.generateContent(body, { signal })).response;
  } catch (error) {
    throw toGenerationError(error, {
      model,
      aborted: signal.aborted,
      secrets: secretsOf(config, request),
      startedAt,
      now: now(),
    });
  }
}

/** What Google may repeat and nobody may read: the words as they were written, and as they were sent. */
function secretsOf(config: GeminiConfig, { prompt }: GenerateRequest): (string | null)[] {
  return [config.apiKey, config.gatewayToken, prompt, cleanWish(prompt)];
}

function toImage(config: GeminiConfig, model: string, request: GenerateRequest, response: unknown): GeneratedImage {
  const usage = usageOf(response, pricesFor(model, config.prices), holdsPicture(response));
  const parsed = parseResponse(response);
  if (parsed.ok) {
    return { bytes: parsed.bytes, mime: parsed.mime, model: parsed.modelVersion ?? model, degraded: false, usage };
  }
  const detail = providerText(parsed.detail, secretsOf(config, request));
  const told = `Gemini ${model}: ${parsed.what}${detail && `: ${detail}`}`;
  throw new GenerationError(parsed.failure, told, { usage });
}

/**
 * Google's Gemini image models over `generateContent`, directly or through an AI Gateway.
 *
 * One request, one call: nothing is tried again here. The result has the supported aspect ratio nearest to the person's
 * picture, about one megapixel, in whichever format the model chose. Answers are parsed by {@link parseResponse}; every
 * failure is one of the eight classes, with what it used where that is known. What a call is expected to cost is no limit:
 * nothing in the request keeps a model from writing, and costing, more. Messages name the model, never the
 * url, a key or the user's words.
 */
export function createGeminiGenerator(config: GeminiConfig, now: () => number = Date.now): ImageGenerator {
  refuseRedirectsWithKey();
  return {
    id: "gemini",
    outside: true,
    modelFor: (kind) => config.models[kind],
    expectedCostMicros: (kind) => expectedCost(pricesFor(config.models[kind], config.prices)),
    async generate(request, { signal }) {
      const model = config.models[request.kind];
      return toImage(config, model, request, await ask(config, model, request, { signal, now }));
    },
  };
}
