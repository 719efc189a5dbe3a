import { describeError } from "../../../kernel/describe-error.ts";
import type { AuditDeps } from "../deps.ts";
import { linkSubject } from "./link-subject.ts";

export interface LinkReport {
  readonly linked: number;
}

/**
 * Chains the events that came since the last time, `limit` at most; any number of these may run at once. An event with
 * a smaller id than one already linked (clocks of isolates differ) comes after it: a chain's order is `seq`.
 */
export async function linkAudit(
  deps: Pick<AuditDeps, "audit" | "logger">,
  { limit }: { readonly limit: number },
): Promise<LinkReport> {
  let linked = 0;
  for (const subjectId of await deps.audit.listUnlinked(limit)) {
    if (linked >= limit) break;
    try {
      linked += await linkSubject(deps, subjectId, limit - linked);
    } catch (error) {
      deps.logger.log("error", "audit chain not extended", { subjectId, cause: describeError(error) });
    }
  }
  return { linked };
}
