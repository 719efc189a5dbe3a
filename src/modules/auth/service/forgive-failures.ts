import { describeError } from "../../../kernel/describe-error.ts";
import type { RatePolicy } from "../../../ports/rate-limiter.ts";
import type { AuthDeps } from "../deps.ts";

/**
 * Forgets the failures counted against a subject that has just proven itself. What it has proven is done and written by
 * then, so a limiter that can't be asked leaves the count as it is and fails nothing.
 */
export async function forgiveFailures(
  deps: Pick<AuthDeps, "rateLimiter" | "logger">,
  locks: readonly RatePolicy[],
  subject: string,
): Promise<void> {
  const cleared = await Promise.allSettled(locks.map((lock) => deps.rateLimiter.clear(lock, subject)));
  for (const outcome of cleared) {
    if (outcome.status === "rejected") {
      deps.logger.log("warn", "failures not forgotten", { cause: describeError(outcome.reason) });
    }
  }
}
