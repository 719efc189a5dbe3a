import type { Background } from "../kernel/background.ts";
import type { Delivery } from "./dispatch.ts";

/**
 * A message whose work goes on after the batch: the queue of this machine hands out one message at a time and waits for
 * it, where the real one has many under way. It counts as delivered at once; `again` brings it back.
 */
export function detached(
  delivery: Delivery,
  consume: (delivery: Delivery) => Promise<void>,
  deps: { readonly background: Background; readonly again: (delaySeconds: number) => Promise<void> },
): void {
  delivery.ack();
  const { id, body, attempts } = delivery;
  deps.background(
    consume({ id, body, attempts, ack() {}, retry: ({ delaySeconds }) => deps.background(deps.again(delaySeconds)) }),
  );
}
