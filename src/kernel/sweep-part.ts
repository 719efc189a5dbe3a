import type { ErrorReporter } from "../ports/error-reporter.ts";
import { describeError } from "./describe-error.ts";
import type { Logger } from "./logger.ts";

/** One part of a sweep: what fails in it must not keep the other parts from their work. @returns its count, or 0. */
export async function sweepPart(
  deps: { readonly logger: Logger; readonly errors: ErrorReporter },
  part: string,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    deps.logger.log("error", "part of the sweep failed", { part, cause: describeError(error) });
    deps.errors.report(error, { where: `sweep ${part}` });
    return 0;
  }
}
