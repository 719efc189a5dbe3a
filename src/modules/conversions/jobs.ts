/** The module's verbs for the consumer Worker; `index.ts` is the api's side. */
export { failUndelivered } from "./service/fail-undelivered.ts";
export { LEASE_MS } from "./service/hold-lease.ts";
export { recordUnreadable } from "./service/record-unreadable.ts";
export { runConversion } from "./service/run-conversion.ts";
export { type SweepReport, sweepConversions } from "./service/sweep-conversions.ts";
export type { ConversionWorkerDeps, FinishedPicture, ResultPictures } from "./worker-deps.ts";
