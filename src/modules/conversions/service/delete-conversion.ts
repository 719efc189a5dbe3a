import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { ConversionsDeps } from "../deps.ts";

/** Deletes a conversion and its result. An active one is canceled first and its unit released; a success refunds nothing. */
export async function deleteConversion(
  deps: Pick<ConversionsDeps, "conversions" | "clock" | "objects" | "outbox" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  id: string,
): Promise<void> {
  const now = deps.clock.now();
  const event = doneBy(actor, stamp, now, { detail: { conversion: id } });
  const removed = await deps.conversions.remove(actor.userId, id, now, event);
  if (!removed) throw new AppError("conversion_not_found");
  deps.background(deletePromised(deps, removed.outboxId));
}

/** Deletes what the transaction promised to delete: nothing, where another conversion still needs the result. */
async function deletePromised(deps: Pick<ConversionsDeps, "objects" | "outbox">, outboxId: string): Promise<void> {
  const entry = await deps.outbox.find(outboxId);
  if (entry?.topic !== "objects.delete") return;
  await deps.objects.delete(entry.payload.keys);
  await deps.outbox.settle(outboxId);
}
