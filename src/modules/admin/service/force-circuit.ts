import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { CircuitForce, CircuitState } from "../../../ports/circuit-breaker.ts";
import { circuitsOf } from "../../observability/index.ts";
import type { AdminDeps } from "../deps.ts";

/**
 * Holds a circuit open or closed, or lets it go. It is done before it is recorded, so that no record tells of what never
 * happened; where recording fails the command fails, and repeating it does no harm.
 * @throws {AppError} 404 for a circuit of no provider that is configured.
 */
export async function forceCircuit(
  deps: Pick<AdminDeps, "config" | "clock" | "circuits" | "audit">,
  actor: Actor,
  stamp: AuditStamp,
  target: { readonly circuit: string; readonly force: CircuitForce },
): Promise<CircuitState> {
  const { circuit, force } = target;
  if (!circuitsOf(deps.config).some((known) => known.circuit === circuit)) throw new AppError("circuit_not_found");
  const state = await deps.circuits.force(circuit, force);
  await deps.audit.record(doneBy(actor, stamp, deps.clock.now(), { detail: { circuit, state: force } }));
  return state;
}
