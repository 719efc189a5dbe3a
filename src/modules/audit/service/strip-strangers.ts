import type { AuditDeps } from "../deps.ts";

/** How long the log keeps from where, and with what, somebody tried a phone that has no account. */
const KEPT_MS = 30 * 24 * 60 * 60_000;
const BATCH = 500;
/** Bounds one run; the next goes on. */
const MAX_BATCHES = 10;

/**
 * Takes what is personal out of old events of phones without an account: nobody can ask for that, and those under a
 * pseudonym of a forgotten secret would be missed when the phone's account is deleted. @returns how many it changed.
 */
export async function stripStrangers(deps: Pick<AuditDeps, "audit" | "clock">): Promise<number> {
  const before = deps.clock.now() - KEPT_MS;
  let stripped = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const changed = await deps.audit.stripStrangers(before, BATCH);
    stripped += changed;
    if (changed < BATCH) break;
  }
  return stripped;
}
