import { deliverSms } from "../modules/auth/jobs.ts";
import { type Delivery, dispatch } from "./dispatch.ts";

/** Sends a one-time code. */
export function consumeSms(
  deps: Parameters<typeof deliverSms>[0] & Parameters<typeof dispatch>[0],
  queue: string,
  delivery: Delivery,
): Promise<void> {
  return dispatch(deps, queue, delivery, {
    type: "sms.send",
    fields: ({ smsId }) => ({ smsId }),
    async handle({ smsId }, { logger }) {
      const outcome = await deliverSms({ ...deps, logger }, smsId);
      return outcome.kind === "later" ? { retryAfterMs: outcome.delayMs } : {};
    },
  });
}
