import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { Conversion } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import { getConversion } from "./get-conversion.ts";

/** Cancels an active conversion and releases its unit. A worker in the middle of it can no longer finish it. */
export async function cancelConversion(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  actor: Actor,
  stamp: AuditStamp,
  id: string,
): Promise<Conversion> {
  const now = deps.clock.now();
  const event = doneBy(actor, stamp, now, { detail: { conversion: id } });
  const canceled = await deps.conversions.cancel(actor.userId, id, now, event);
  const conversion = await getConversion(deps, actor, id);
  if (!canceled) {
    throw new AppError("invalid_transition", {
      detail: `The conversion has already ended: it is ${conversion.status}.`,
    });
  }
  return conversion;
}
