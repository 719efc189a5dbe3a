/** Why a circuit is open. `failures`: too many counted failures; `forced`: by an admin; the others as they are named. */
export const TRIP_REASONS = ["failures", "rate_limited", "quota_day", "config", "budget", "forced"] as const;
export type TripReason = (typeof TRIP_REASONS)[number];

export const CIRCUIT_STATES = ["closed", "open", "half_open"] as const;
export type CircuitStateName = (typeof CIRCUIT_STATES)[number];

/** Leave to make one call. Its outcome must be reported with it. */
export interface CircuitPass {
  readonly circuit: string;
  /** Raised by every opening and closing: outcomes of calls begun under an earlier one count for nothing. */
  readonly epoch: number;
  /** Of the one call that tries whether an open circuit may close; null otherwise. Lapses by itself when lost. */
  readonly probe: string | null;
}

export type CircuitAdmission =
  | { readonly allowed: true; readonly pass: CircuitPass }
  /** `reason`: why the circuit is open; `failures`, whatever opened it, while a probe tries whether it may close. */
  | { readonly allowed: false; readonly reason: TripReason; readonly retryAfterMs: number };

export type CircuitOutcome =
  | { readonly kind: "success" }
  /** Counts towards opening: no answer, or one that says the other side is ill. */
  | { readonly kind: "failure" }
  /** Says nothing of the other side's health, such as a refused input. */
  | { readonly kind: "neutral" }
  /** Opens at once, for `retryAfterMs` where it is known. */
  | { readonly kind: "trip"; readonly reason: TripReason; readonly retryAfterMs: number | null };

export const CIRCUIT_FORCES = ["open", "closed", "auto"] as const;
export type CircuitForce = (typeof CIRCUIT_FORCES)[number];

export interface CircuitState {
  readonly circuit: string;
  readonly state: CircuitStateName;
  readonly reason: TripReason | null;
  /** What an admin holds it at; `auto` when it goes by outcomes. */
  readonly force: CircuitForce;
  /** Until the next call may be made; null unless open, and when that is up to an admin. */
  readonly retryAfterMs: number | null;
  readonly epoch: number;
  /** Within the sliding window. */
  readonly calls: number;
  readonly failures: number;
  /** Epoch ms; null when closed. */
  readonly openedAt: number | null;
}

/**
 * Circuit breakers shared by every isolate, one for each name such as `gemini:gemini-3.1-flash-image`.
 * `admit` and `report` never throw and never hold a call up for long: when a breaker can't be asked, calls go through.
 */
export interface CircuitBreakers {
  admit(circuit: string): Promise<CircuitAdmission>;
  /**
   * @returns the reason when this very outcome opened the circuit or keeps it open for another one, `"closed"` when it
   * closed it, null otherwise.
   */
  report(pass: CircuitPass, outcome: CircuitOutcome): Promise<TripReason | "closed" | null>;
  /** @throws service_unavailable when the breaker can't be asked. */
  state(circuit: string): Promise<CircuitState>;
  /** @throws service_unavailable when the breaker can't be asked. */
  force(circuit: string, force: CircuitForce): Promise<CircuitState>;
}

/** The circuit of a provider's model. */
export function circuitOf(provider: string, model: string): string {
  return `${provider}:${model}`;
}
