import type { ErrorReporter } from "../ports/error-reporter.ts";
import { describeError } from "./describe-error.ts";
import type { Logger } from "./logger.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** The time until the next sweep. */
const LIMIT_MS = 60_000;

/**
 * One part of a sweep: what fails in it, or hangs, must not keep the other parts from their work. One that takes longer
 * than `limitMs` goes on beside them for as long as they take. @returns its count, or 0.
 */
export async function sweepPart(
  deps: { readonly logger: Logger; readonly errors: ErrorReporter },
  part: string,
  work: () => Promise<number>,
  limitMs = LIMIT_MS,
): Promise<number> {
  try {
    return await unlessAborted(work(), AbortSignal.timeout(limitMs));
  } catch (error) {
    deps.logger.log("error", "part of the sweep failed", { part, cause: describeError(error) });
    deps.errors.report(error, { where: `sweep ${part}` });
    return 0;
  }
}
