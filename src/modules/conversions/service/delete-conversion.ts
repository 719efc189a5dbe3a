import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { resultKeys } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";

/** Deletes a conversion and its result. An active one is canceled first and its unit released; a success refunds nothing. */
export async function deleteConversion(
  deps: Pick<ConversionsDeps, "conversions" | "clock" | "objects" | "outbox" | "background">,
  actor: Actor,
  id: string,
): Promise<void> {
  const removed = await deps.conversions.remove(actor.userId, id, deps.clock.now());
  if (!removed) throw new AppError("conversion_not_found");
  const { original, thumbnail } = resultKeys(id);
  deps.background(deps.objects.delete([original, thumbnail]).then(() => deps.outbox.settle(removed.outboxId)));
}
