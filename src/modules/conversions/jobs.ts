/** The module's verbs for the consumer Worker; `index.ts` is the api's side. */

export { LEASE_MS } from "./conversion.ts";
export type { OrphanRecords, Retention } from "./retention.ts";
export { failUndelivered } from "./service/fail-undelivered.ts";

export { recordUnreadable } from "./service/record-unreadable.ts";
export { runConversion } from "./service/run-conversion.ts";
export { type SweepReport, sweepConversions } from "./service/sweep-conversions.ts";
export { sweepOrphans } from "./service/sweep-orphans.ts";
export { sweepRetention } from "./service/sweep-retention.ts";
export type { ConversionWorkerDeps, FinishedPicture, ResultPictures } from "./worker-deps.ts";
