/** The module's verbs for the cron trigger; `index.ts` is the api's side. */
export type { AuditDeps } from "./deps.ts";
export { type LinkReport, linkAudit } from "./service/link-audit.ts";
export { stripStrangers } from "./service/strip-strangers.ts";
