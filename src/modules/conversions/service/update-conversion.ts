import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { listedTags } from "../../../kernel/if-match.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { Conversion } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import type { ClientFields } from "../repository.ts";
import { conversionEtag } from "../serialize.ts";
import { getConversion } from "./get-conversion.ts";

/** The version that must still hold when writing; null where any will do. */
function expectedVersion(ifMatch: string | null, current: Conversion): number | null {
  const tags = listedTags(ifMatch);
  if (tags === null) return null;
  if (!tags.includes(conversionEtag(current))) throw new AppError("precondition_failed");
  return current.version;
}

/** Changes the fields that belong to the client; those left out stay. */
export async function updateConversion(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  actor: Actor,
  stamp: AuditStamp,
  id: string,
  command: { readonly fields: ClientFields; readonly ifMatch: string | null },
): Promise<Conversion> {
  const current = await getConversion(deps, actor, id);
  const now = deps.clock.now();
  const event = doneBy(actor, stamp, now, { detail: { conversion: id } });
  const options = { expectedVersion: expectedVersion(command.ifMatch, current), now, event };
  const outcome = await deps.conversions.updateClientFields(actor.userId, id, command.fields, options);
  if (outcome === "stale") throw new AppError("precondition_failed");
  return getConversion(deps, actor, id);
}
