import type { AlertDeskApi } from "../../durable-objects/alert-desk/contract.ts";
import { describeError } from "../kernel/describe-error.ts";
import { unlessAborted } from "../kernel/unless-aborted.ts";
import type { AlertName } from "../ports/alerts.ts";
import { type Delivery, dispatch, type Handled } from "./dispatch.ts";

/** The AlertDesk object that all alerts go to. */
export const ALERT_DESK_NAME = "desk";

const TIMEOUT_MS = 10_000;
const FIRST_DELAY_MS = 10_000;
/** Less than the desk remembers ids for: see `SEEN_MS` of the AlertDesk. */
const MAX_DELAY_MS = 30 * 60_000;

export type AlertConsumerDeps = Parameters<typeof dispatch>[0] & {
  /** A stub of the object of that name, a new one each time: one that has failed is of no more use. */
  readonly desk: () => AlertDeskApi;
};

/** Hands each alert to the desk. One that can't be handed over comes again, later each time, for almost two days. */
export async function consumeAlerts(
  deps: AlertConsumerDeps,
  queue: string,
  deliveries: readonly Delivery[],
): Promise<void> {
  await Promise.all(deliveries.map((delivery) => consumeAlert(deps, queue, delivery)));
}

function consumeAlert(deps: AlertConsumerDeps, queue: string, delivery: Delivery): Promise<void> {
  const { id: messageId, attempts } = delivery;
  return dispatch(deps, queue, delivery, {
    type: "alert.raise",
    fields: ({ alert: { name, about } }) => ({ alert: name, about }),
    async handle({ alert, at, worker, count = 1 }): Promise<Handled | undefined> {
      try {
        // A later version may have raised it: the desk has a rule and words for names it doesn't know.
        const name = alert.name as AlertName;
        const taken = deps.desk().take({ ...alert, name, at, worker, count, messageId });
        await unlessAborted(taken, AbortSignal.timeout(TIMEOUT_MS));
        return undefined;
      } catch (error) {
        const fields = { alert: alert.name, about: alert.about, messageId, cause: describeError(error) };
        deps.logger.log("error", "an alert could not be handed to the desk", fields);
        return { retryAfterMs: Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS) };
      }
    },
  });
}
