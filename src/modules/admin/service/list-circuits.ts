import type { CircuitState } from "../../../ports/circuit-breaker.ts";
import { circuitsOf } from "../../observability/index.ts";
import type { AdminDeps } from "../deps.ts";

/** Every circuit of the providers that are configured. @throws {AppError} 503 when one can't be asked. */
export function listCircuits(deps: Pick<AdminDeps, "config" | "circuits">): Promise<readonly CircuitState[]> {
  return Promise.all(circuitsOf(deps.config).map(({ circuit }) => deps.circuits.state(circuit)));
}
