/** The module's verbs for the cron trigger; `index.ts` is the side of HTTP. */
export { sweepErasures } from "./service/erase-account.ts";
