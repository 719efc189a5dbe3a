import type { CircuitOutcome, TripReason } from "../../ports/circuit-breaker.ts";
import { GenerationError, type GenerationFailure } from "../../ports/image-generator.ts";

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

export interface FailurePolicy {
  readonly code: FailureCode;
  /** Whether another attempt may follow: as long as there are any, one more after the first failure of its class, none. */
  readonly retry: "attempts" | "once" | "never";
  /** Whether a provider of lower quality may take over where the request allows it. */
  readonly mayFallBack: boolean;
  /** What it tells of the provider's health: nothing, one failure more, or that its circuit opens with this reason. */
  readonly circuit: "ignore" | "count" | TripReason;
}

/**
 * What each class of failure means for the job, for the choice of provider and for the circuit breaker. A blocked
 * request is never sent elsewhere.
 */
export const FAILURE_POLICIES: Record<GenerationFailure, FailurePolicy> = {
  invalid_input: { code: "provider_rejected", retry: "never", mayFallBack: false, circuit: "ignore" },
  blocked: { code: "content_blocked", retry: "never", mayFallBack: false, circuit: "ignore" },
  no_image: { code: "no_image", retry: "once", mayFallBack: true, circuit: "ignore" },
  rate_limited: { code: "provider_rate_limited", retry: "attempts", mayFallBack: true, circuit: "rate_limited" },
  quota_day: { code: "provider_rate_limited", retry: "never", mayFallBack: true, circuit: "quota_day" },
  unavailable: { code: "provider_unavailable", retry: "attempts", mayFallBack: true, circuit: "count" },
  timeout: { code: "provider_timeout", retry: "once", mayFallBack: true, circuit: "count" },
  config: { code: "provider_misconfigured", retry: "never", mayFallBack: true, circuit: "config" },
};

/** What a failed call is reported to its circuit breaker as. */
export function circuitOutcome(error: GenerationError): CircuitOutcome {
  const { circuit } = FAILURE_POLICIES[error.failure];
  if (circuit === "ignore") return { kind: "neutral" };
  if (circuit === "count") return { kind: "failure" };
  return { kind: "trip", reason: circuit, retryAfterMs: error.retryAfterMs };
}

/** An open circuit fails a job as what opened it would; a spent budget is a day's quota. */
const FAILURE_OF: Record<TripReason, GenerationFailure> = {
  failures: "unavailable",
  forced: "unavailable",
  rate_limited: "rate_limited",
  quota_day: "quota_day",
  budget: "quota_day",
  config: "config",
};

/** No call was made: the provider's circuit is open, or the budget has no room. */
export class CircuitOpenError extends GenerationError {
  /** What the pass that was given for the call is reported with, where there was one. */
  readonly outcome: CircuitOutcome;

  constructor(
    circuit: string,
    reason: TripReason,
    retryAfterMs: number,
    outcome: CircuitOutcome = { kind: "neutral" },
  ) {
    super(FAILURE_OF[reason], `the circuit ${circuit} is open: ${reason}`, { retryAfterMs });
    this.outcome = outcome;
  }
}
