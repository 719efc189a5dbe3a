import type { Letter } from "../dead-letters.ts";
import type { FailureCode } from "../failures.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { keepDeadLetter } from "./keep-dead-letter.ts";

const CODE: FailureCode = "delivery_exhausted";

/**
 * Ends a conversion whose message the queue gave up on: failed, unit released, dead letter on record. Harmless when it
 * has ended already; a letter that comes again after a crash in between is recorded as what it was. @returns whether
 * this call ended it.
 */
export async function failUndelivered(
  deps: Pick<ConversionWorkerDeps, "clock" | "logger" | "conversions" | "deadLetters" | "alerts">,
  conversionId: string,
  letter: Letter,
): Promise<boolean> {
  const failed = await deps.conversions.failUndelivered(conversionId, CODE, deps.clock.now());
  const isUndelivered = failed || (await deps.conversions.inspect(conversionId))?.errorCode === CODE;
  await keepDeadLetter(deps, letter, { conversionId, outcome: isUndelivered ? "failed" : "ended" });
  deps.logger.log(failed ? "error" : "warn", "dead letter", { conversionId, failed });
  return failed;
}
