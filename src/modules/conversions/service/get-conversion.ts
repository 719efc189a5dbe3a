import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { type Conversion, isOverdue } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";

/** The caller's conversion as it is now: one that is out of time is settled before it is shown. */
export async function getConversion(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  actor: Actor,
  id: string,
): Promise<Conversion> {
  let conversion = await deps.conversions.find(actor.userId, id);
  if (conversion && isOverdue(conversion, deps.clock.now())) {
    await deps.conversions.expire(id, deps.clock.now());
    conversion = await deps.conversions.find(actor.userId, id);
  }
  if (!conversion) throw new AppError("conversion_not_found");
  return conversion;
}
