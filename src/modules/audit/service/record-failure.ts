import type { AuditEvent } from "../../../kernel/audit.ts";
import { describeError } from "../../../kernel/describe-error.ts";
import type { AuditDeps } from "../deps.ts";

/**
 * Records that something was refused. Where the same event's success is in the log already, that stays. Never throws:
 * the request fails for its own reason, and a record that could not be written is told in the service's log.
 */
export async function recordFailure(deps: Pick<AuditDeps, "audit" | "logger">, event: AuditEvent): Promise<void> {
  try {
    await deps.audit.record({ ...event, outcome: "failure" });
  } catch (error) {
    const { id, action } = event;
    deps.logger.log("error", "audit event lost", { eventId: id, action, cause: describeError(error) });
  }
}
