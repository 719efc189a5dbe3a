import type { Origin } from "../../kernel/trace-context.ts";
import type { ImageMime } from "../../ports/image-codec.ts";
import type { GarmentCategory, GenerationFailure, ProviderId } from "../../ports/image-generator.ts";
import type { FailureCode } from "./failures.ts";

export const CONVERSION_KINDS = ["style", "tryon"] as const;
export type ConversionKind = (typeof CONVERSION_KINDS)[number];

export const CONVERSION_STATUSES = ["queued", "processing", "succeeded", "failed", "canceled", "expired"] as const;
export type ConversionStatus = (typeof CONVERSION_STATUSES)[number];

/** How a conversion may have ended whose inputs are worth another try. */
export const RETRYABLE: ReadonlySet<ConversionStatus> = new Set(["failed", "canceled", "expired"] as const);

/** Longer than any time between two renewals, short enough that a lost job is taken up within half a minute. */
export const LEASE_MS = 30_000;

/** What a worker does with a job, in this order. */
export const WORK_STAGES = ["fetching", "generating", "encoding", "storing"] as const;
export type WorkStage = (typeof WORK_STAGES)[number];

/** `queued` is the stage of a waiting job. */
export const CONVERSION_STAGES = ["queued", ...WORK_STAGES] as const;
export type ConversionStage = (typeof CONVERSION_STAGES)[number];

/** The state machine. Every other move is refused; a retry is a new conversion. */
const TRANSITIONS: Record<ConversionStatus, readonly ConversionStatus[]> = {
  queued: ["processing", "failed", "canceled", "expired"],
  processing: ["queued", "succeeded", "failed", "canceled", "expired"],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
};

export function canTransition(from: ConversionStatus, to: ConversionStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** The statuses from which `to` can be reached. */
export function sourcesOf(to: ConversionStatus): ConversionStatus[] {
  return CONVERSION_STATUSES.filter((from) => canTransition(from, to));
}

export function isTerminal(status: ConversionStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

export interface ConversionInput {
  readonly kind: ConversionKind;
  readonly personImageId: string;
  readonly garmentImageId: string | null;
  readonly category: GarmentCategory | null;
  readonly styleImageId: string | null;
  readonly stylePreset: string | null;
  readonly prompt: string | null;
  readonly seed: number;
  readonly outputMime: ImageMime;
  readonly providerRequested: ProviderId | null;
  readonly fallback: "deny" | "allow";
}

export interface ConversionResult {
  readonly imageId: string;
  readonly mime: ImageMime;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  readonly sha256: string;
}

/** A conversion as the database holds it. Times are epoch ms. */
export interface Conversion {
  readonly id: string;
  readonly userId: string;
  readonly input: ConversionInput;
  readonly status: ConversionStatus;
  readonly stage: ConversionStage | null;
  readonly progress: number;
  readonly providerUsed: ProviderId | null;
  readonly model: string | null;
  readonly degraded: boolean;
  readonly attempt: number;
  readonly notBefore: number;
  /** Null once the result image has been deleted, too. */
  readonly result: ConversionResult | null;
  readonly errorCode: FailureCode | null;
  /** Why the latest attempt failed, where another one follows. */
  readonly lastFailure: GenerationFailure | null;
  /** There was a result, and its data is gone: removed by retention, or deleted. */
  readonly dataRemoved: boolean;
  /** When retention removes the result; null without one, or when it is kept for ever. */
  readonly expiresAt: number | null;
  readonly usage: { readonly units: number; readonly state: QuotaState; readonly period: string };
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly favorite: boolean;
  readonly retryOf: string | null;
  /** The request that asked for it and the trace it belongs to, for operators; null where nobody told. */
  readonly origin: Origin | null;
  readonly version: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly deadlineAt: number;
  readonly updatedAt: number;
}

export type QuotaState = "reserved" | "committed" | "released";

/** Active, but out of time: the next reader or sweep settles it as expired. */
export function isOverdue(conversion: Conversion, now: number): boolean {
  return !isTerminal(conversion.status) && conversion.deadlineAt <= now;
}

/** The R2 key of a paid provider's answer as it came, kept until a result has been made of it. */
export function answerKey(conversionId: string): string {
  return `results/${conversionId}/answer`;
}

/** Every R2 key that a conversion may have: what goes when it ends without a result, or is removed. */
export function conversionKeys(conversionId: string): string[] {
  return [...Object.values(resultKeys(conversionId)), answerKey(conversionId)];
}

/** The R2 keys of a conversion's result: derived, so that a second worker finds what the first one stored. */
export function resultKeys(
  conversionId: string,
): Readonly<Record<"original" | "thumbnail" | "smallThumbnail", string>> {
  const folder = `results/${conversionId}`;
  return {
    original: `${folder}/original`,
    thumbnail: `${folder}/thumbnail`,
    smallThumbnail: `${folder}/thumbnail-256`,
  };
}
