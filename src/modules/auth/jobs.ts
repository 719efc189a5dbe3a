/** The module's verbs for queue and cron; `index.ts` is the side of HTTP. */
export { type Delivery, deliverSms } from "./service/deliver-sms.ts";
export { type IdentitySweep, sweepIdentity } from "./service/sweep-identity.ts";
