import type { GenerationFailure } from "../../ports/image-generator.ts";

/** Every `error.code` a failed conversion can carry, with the words its owner reads. */
export const FAILURES = {
  content_blocked: {
    message: "The image model declined this request under its content rules. Try another picture or prompt.",
    retryable: false,
  },
  no_image: { message: "The image model answered without a picture. Trying again may help.", retryable: true },
  provider_rejected: {
    message: "The pictures or settings could not be processed. Try other pictures.",
    retryable: false,
  },
  provider_unavailable: { message: "The image model was not available. Try again later.", retryable: true },
  provider_timeout: { message: "The image model took too long. Try again later.", retryable: true },
  provider_rate_limited: { message: "The image model is at its limit. Try again later.", retryable: true },
  provider_misconfigured: {
    message: "The image model is not set up correctly; the operators have been told.",
    retryable: true,
  },
  worker_lost: { message: "Processing broke off too many times. Try again.", retryable: true },
  delivery_exhausted: { message: "The job could not be delivered to a worker. Try again.", retryable: true },
} as const satisfies Record<string, { readonly message: string; readonly retryable: boolean }>;

export type FailureCode = keyof typeof FAILURES;
export const FAILURE_CODES = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];

interface FailurePolicy {
  readonly code: FailureCode;
  /** The attempt at which this class ends the job; null leaves it to the configured attempts. */
  readonly maxAttempts: number | null;
  /** Whether a provider of another quality class may take over when the request allows it. */
  readonly mayFallBack: boolean;
}

/** What a provider's failure means for the job. A blocked request is never sent elsewhere. */
export const FAILURE_POLICIES: Record<GenerationFailure, FailurePolicy> = {
  invalid_input: { code: "provider_rejected", maxAttempts: 1, mayFallBack: false },
  blocked: { code: "content_blocked", maxAttempts: 1, mayFallBack: false },
  no_image: { code: "no_image", maxAttempts: 2, mayFallBack: true },
  rate_limited: { code: "provider_rate_limited", maxAttempts: null, mayFallBack: true },
  quota_day: { code: "provider_rate_limited", maxAttempts: 1, mayFallBack: true },
  unavailable: { code: "provider_unavailable", maxAttempts: null, mayFallBack: true },
  timeout: { code: "provider_timeout", maxAttempts: 2, mayFallBack: true },
  config: { code: "provider_misconfigured", maxAttempts: 1, mayFallBack: true },
};
