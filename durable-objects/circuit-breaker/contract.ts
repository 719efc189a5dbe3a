import type {
  CircuitAdmission,
  CircuitForce,
  CircuitOutcome,
  CircuitPass,
  CircuitState,
  TripReason,
} from "../../src/ports/circuit-breaker.ts";

/** What the object says of a circuit to a caller that asks for leave; `cacheMs` is for how long it may be believed. */
export type AdmitAnswer = CircuitAdmission & { readonly cacheMs: number };

/** RPC type of the CircuitBreaker object, named by its circuit: all that src/ may import of it. Plain data only. */
export interface CircuitBreakerApi {
  /** `probeTtlMs`: after so long without an outcome a probe is taken to be lost; longer than anybody holds a pass. */
  admit(circuit: string, probeTtlMs: number): Promise<AdmitAnswer>;
  /** `backoffMs`: how long the circuit stays open for the first time, should this outcome open it. */
  report(pass: CircuitPass, outcome: CircuitOutcome, backoffMs: number): Promise<TripReason | "closed" | null>;
  state(circuit: string): Promise<CircuitState>;
  force(circuit: string, force: CircuitForce): Promise<CircuitState>;
}
