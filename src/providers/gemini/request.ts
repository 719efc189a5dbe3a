import type { GenerateContentRequest, GenerationConfig, Part, RequestOptions } from "@google/generative-ai";
import type { GeminiConfig } from "../../kernel/config.ts";
import type { GenerateRequest, SourceImage } from "../../ports/image-generator.ts";
import { toBase64 } from "../image-models/base64.ts";
import { promptFor } from "../image-models/prompts.ts";
import { type AspectRatio, nearestAspectRatio } from "./aspect-ratio.ts";

const AI_GATEWAY_HOST = "gateway.ai.cloudflare.com";

/** What image models take besides, which the SDK's types don't know and its code passes on. */
interface ImageGenerationConfig extends GenerationConfig {
  readonly responseModalities: readonly ("TEXT" | "IMAGE")[];
  readonly imageConfig: { readonly aspectRatio: AspectRatio };
  /** A signed 32-bit integer. */
  readonly seed: number;
}

/** In the order in which the prompt numbers them. */
function picturesOf(request: GenerateRequest): SourceImage[] {
  if (request.kind === "tryon") return [request.person, request.garment];
  return "image" in request.style ? [request.person, request.style.image] : [request.person];
}

function toPart({ bytes, mime }: SourceImage): Part {
  return { inlineData: { mimeType: mime, data: toBase64(bytes) } };
}

/** The body of the call. No safety settings: the model's own apply. */
export function toContentRequest(model: string, request: GenerateRequest): GenerateContentRequest {
  const generationConfig: ImageGenerationConfig = {
    responseModalities: request.imageOnly ? ["IMAGE"] : ["TEXT", "IMAGE"],
    imageConfig: { aspectRatio: nearestAspectRatio(model, request.person) },
    // Ours has 32 bits and no sign.
    seed: request.seed & 0x7fff_ffff,
  };
  const parts = [{ text: promptFor(request) }, ...picturesOf(request).map(toPart)];
  return { contents: [{ role: "user", parts }], generationConfig };
}

/**
 * The headers for an AI Gateway: one attempt, since attempts are counted and paid here; no cached answer, since a picture
 * is a person's own; no pictures in its logs.
 */
function gatewayHeaders(gatewayToken: string | null): Record<string, string> {
  return {
    "cf-aig-max-attempts": "1",
    "cf-aig-skip-cache": "true",
    "cf-aig-collect-log-payload": "false",
    ...(gatewayToken !== null && { "cf-aig-authorization": `Bearer ${gatewayToken}` }),
  };
}

/** Where the call goes. @throws {TypeError} when the configured url is none, or a key can't be put into a header. */
export function toRequestOptions({ apiKey, baseUrl, gatewayToken }: GeminiConfig): RequestOptions {
  const isGateway = new URL(baseUrl).hostname === AI_GATEWAY_HOST;
  const customHeaders = isGateway ? gatewayHeaders(gatewayToken) : {};
  new Headers({ ...customHeaders, "x-goog-api-key": apiKey });
  return { baseUrl: baseUrl.replace(/\/+$/, ""), customHeaders };
}
