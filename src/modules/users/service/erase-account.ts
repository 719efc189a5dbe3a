import { describeError } from "../../../kernel/describe-error.ts";
import { newId } from "../../../kernel/ids.ts";
import type { UsersDeps } from "../deps.ts";

/** Rows and objects of requests that were under way at the deletion have come to be by then, and are erased too. */
const SETTLED_MS = 10 * 60_000;
/** At most 1,000 objects are deleted at once, four a row. */
const BATCH = 200;
const LOG_BATCH = 500;
/** Bounds one run; the sweeper goes on where it ends. */
const MAX_BATCHES = 25;
const SWEEP_BATCH = 10;
/** One that fails makes way for the others. */
const POSTPONED_MS = 5 * 60_000;

type EraseDeps = Pick<UsersDeps, "erasure" | "objects" | "outbox" | "clock">;

/**
 * Erases what a deleted account has left. Idempotent and resumable: objects are deleted before the rows that name them.
 * The empty account itself goes last, ten minutes after the deletion, when nothing can be on its way any more.
 */
export async function eraseAccount(
  deps: EraseDeps,
  promise: { readonly promiseId: string; readonly userId: string; readonly aliases: readonly string[] },
): Promise<void> {
  const { promiseId, userId, aliases } = promise;
  const deletedAt = await deps.erasure.deletedAt(userId);
  if (deletedAt === null) return deps.outbox.settle(promiseId);
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const data = await deps.erasure.next(userId, BATCH);
    if (data.conversionIds.length === 0 && data.imageIds.length === 0) {
      const now = deps.clock.now();
      const names = { promiseId, pseudonym: newId("anon", now), aliases, until: deletedAt };
      if ((await deps.erasure.anonymizeAudit(userId, names, LOG_BATCH)) > 0) continue;
      if (now < deletedAt + SETTLED_MS) return deps.outbox.postpone(promiseId, deletedAt + SETTLED_MS);
      await deps.erasure.eraseAccount(userId);
      return deps.outbox.settle(promiseId);
    }
    if (data.objectKeys.length > 0) await deps.objects.delete(data.objectKeys);
    await deps.erasure.eraseRows(userId, data);
  }
}

/** Goes on with erasures that are due. @returns how many accounts it looked at. */
export async function sweepErasures(deps: EraseDeps & Pick<UsersDeps, "logger">): Promise<number> {
  const due = await deps.outbox.listDue(["account.erase"], deps.clock.now(), SWEEP_BATCH);
  for (const { id, payload } of due) {
    await eraseAccount(deps, { promiseId: id, ...payload }).catch(async (error: unknown) => {
      deps.logger.log("error", "account not erased yet", { outboxId: id, cause: describeError(error) });
      await deps.outbox.postpone(id, deps.clock.now() + POSTPONED_MS);
    });
  }
  return due.length;
}
