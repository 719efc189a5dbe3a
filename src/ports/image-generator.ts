import type { ImageMime } from "./image-codec.ts";

export const PROVIDER_IDS = ["gemini", "workers-ai", "local"] as const;
export type ProviderId = (typeof PROVIDER_IDS)[number];

export const GARMENT_CATEGORIES = ["auto", "tops", "bottoms", "one-pieces"] as const;
export type GarmentCategory = (typeof GARMENT_CATEGORIES)[number];

/** An encoded, upright picture without metadata. */
export interface SourceImage {
  readonly bytes: Uint8Array;
  readonly mime: ImageMime;
}

interface GenerateCommon {
  readonly conversionId: string;
  readonly person: SourceImage;
  /** The user's own words: data for the model, never instructions to the service. */
  readonly prompt: string | null;
  /** Non-negative 32-bit integer; the same inputs and seed give the same pixels where the provider can promise it. */
  readonly seed: number;
  readonly outputMime: ImageMime;
}

export type GenerateRequest = GenerateCommon &
  (
    | { readonly kind: "style"; readonly style: { readonly preset: string } | { readonly image: SourceImage } }
    | { readonly kind: "tryon"; readonly garment: SourceImage; readonly category: GarmentCategory }
  );

export interface GeneratedImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mime: ImageMime;
  readonly width: number;
  readonly height: number;
  /** The model or engine version that made the picture, as recorded on the conversion. */
  readonly model: string;
  /** True when the picture is of a lower quality class than an image model would give. */
  readonly degraded: boolean;
}

/**
 * Why a generation failed. The class alone decides retry, fallback and breaker:
 * `invalid_input` and `blocked` end the job, `no_image` and `timeout` are tried once more,
 * `rate_limited` and `unavailable` are retried with backoff, `quota_day` and `config` need an operator.
 */
export const GENERATION_FAILURES = [
  "invalid_input",
  "blocked",
  "no_image",
  "rate_limited",
  "quota_day",
  "unavailable",
  "timeout",
  "config",
] as const;
export type GenerationFailure = (typeof GENERATION_FAILURES)[number];

/** Thrown by {@link ImageGenerator.generate}. `message` is for operators and is never shown to users. */
export class GenerationError extends Error {
  override readonly name = "GenerationError";
  readonly failure: GenerationFailure;
  /** When the provider said how long to wait. */
  readonly retryAfterMs: number | null;

  constructor(failure: GenerationFailure, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** A provider of pictures: an image model behind an API, or the local engine. */
export interface ImageGenerator {
  readonly id: ProviderId;
  /** @throws {GenerationError} for every failure; aborts promptly when `signal` fires. */
  generate(request: GenerateRequest, options: { readonly signal: AbortSignal }): Promise<GeneratedImage>;
}
