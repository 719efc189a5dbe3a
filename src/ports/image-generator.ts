import type { ImageMime } from "./image-codec.ts";

export const PROVIDER_IDS = ["gemini", "workers-ai", "local"] as const;
export type ProviderId = (typeof PROVIDER_IDS)[number];

export const GARMENT_CATEGORIES = ["auto", "tops", "bottoms", "one-pieces"] as const;
export type GarmentCategory = (typeof GARMENT_CATEGORIES)[number];

/** An encoded, upright picture without metadata. */
export interface SourceImage {
  readonly bytes: Uint8Array;
  readonly mime: ImageMime;
  readonly width: number;
  readonly height: number;
}

interface GenerateCommon {
  readonly conversionId: string;
  readonly person: SourceImage;
  /** The user's own words: data for the model, never instructions to the service. */
  readonly prompt: string | null;
  /** Non-negative 32-bit integer; the same inputs and seed give the same pixels where the provider can promise it. */
  readonly seed: number;
  readonly outputMime: ImageMime;
  /** Ask for a picture and nothing else: an earlier answer had none. For models that can also answer in words. */
  readonly imageOnly: boolean;
}

export type GenerateRequest = GenerateCommon &
  (
    | { readonly kind: "style"; readonly style: { readonly preset: string } | { readonly image: SourceImage } }
    | { readonly kind: "tryon"; readonly garment: SourceImage; readonly category: GarmentCategory }
  );

/** What a call used, as far as the provider told. */
export interface GenerationUsage {
  readonly promptTokens: number;
  /** Everything that was not the prompt, thoughts and refusals included. */
  readonly outputTokens: number;
  /** Millionths of a US dollar. */
  readonly costMicros: number;
}

/** A picture as the provider gave it: of any of the three formats, not yet of the one that was asked for. */
export interface GeneratedImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mime: ImageMime;
  /** The model or engine version that made the picture, as recorded on the conversion. */
  readonly model: string;
  /** True when the picture is of a lower quality class than an image model would give. */
  readonly degraded: boolean;
  /** Null where the provider doesn't tell; then the call is taken to have cost what was expected. */
  readonly usage: GenerationUsage | null;
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
  /**
   * What the failed call used. Null: not known, so it is taken to have cost what was expected, unless `failure` is one
   * of those that come before any work ({@link FREE_FAILURES}).
   */
  readonly usage: GenerationUsage | null;

  constructor(
    failure: GenerationFailure,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | null; usage?: GenerationUsage | null } = {},
  ) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.usage = options.usage ?? null;
  }
}

/** A provider turns these away before a model runs, so they cost nothing. */
export const FREE_FAILURES: ReadonlySet<GenerationFailure> = new Set([
  "invalid_input",
  "rate_limited",
  "quota_day",
  "config",
] as const);

/** A provider of pictures: an image model behind an API, or the local engine. */
export interface ImageGenerator {
  readonly id: ProviderId;
  /** Calls leave the house: they have a circuit, are on record and count against the budget. */
  readonly outside: boolean;
  /** The model that takes requests of a kind: each has a circuit breaker and a line in the cost summary of its own. */
  modelFor(kind: GenerateRequest["kind"]): string;
  /**
   * What a call of a kind is expected to cost, rather too much than too little, in millionths of a US dollar; held
   * against the day's budget until the true cost is known. 0 for an engine of our own.
   */
  expectedCostMicros(kind: GenerateRequest["kind"]): number;
  /** @throws {GenerationError} for every failure; aborts promptly when `signal` fires. */
  generate(request: GenerateRequest, options: { readonly signal: AbortSignal }): Promise<GeneratedImage>;
}
