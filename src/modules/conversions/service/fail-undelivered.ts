import type { ConversionWorkerDeps } from "../worker-deps.ts";

/** Ends a conversion whose message the queue gave up on: failed, unit released. Harmless when it has ended already. */
export async function failUndelivered(deps: ConversionWorkerDeps, conversionId: string): Promise<boolean> {
  const failed = await deps.conversions.failUndelivered(conversionId, "delivery_exhausted", deps.clock.now());
  deps.logger.log(failed ? "error" : "warn", "dead letter", { conversionId, failed });
  return failed;
}
