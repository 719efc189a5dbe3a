import { type ConversionWorkerDeps, failUndelivered, runConversion } from "../modules/conversions/jobs.ts";
import { type Delivery, dispatch } from "./dispatch.ts";

/** Runs a conversion, or ends one whose message the queue gave up on. Queues are named alike in every environment. */
export function consumeConversion(deps: ConversionWorkerDeps, queue: string, delivery: Delivery): Promise<void> {
  const isDead = queue.endsWith("-conversions-dead");
  return dispatch(deps, queue, delivery, {
    type: "conversion.run",
    fields: ({ conversionId }) => ({ conversionId }),
    async handle({ conversionId }) {
      await (isDead ? failUndelivered(deps, conversionId) : runConversion(deps, conversionId));
      return undefined;
    },
  });
}
