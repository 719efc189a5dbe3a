import { newId } from "../../../kernel/ids.ts";
import type { Retention } from "../retention.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

/** A multiple of what a job takes, so that those in use don't hold up the ones behind them every minute. */
const POSTPONE_MS = 60 * 60_000;
const BATCH = 200;
const MAX_BATCHES = 5;

/** Removes images and results whose time is over. @returns how many. */
export async function sweepRetention(
  deps: Pick<ConversionWorkerDeps, "clock"> & { readonly retention: Retention },
): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const now = deps.clock.now();
    const options = { now, limit: BATCH, postponeTo: now + POSTPONE_MS, outboxId: newId("obx", now) };
    const { removed, postponed } = await deps.retention.removeExpired(options);
    total += removed;
    if (removed + postponed < BATCH) break;
  }
  return total;
}
