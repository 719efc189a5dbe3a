import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { Conversion } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import type { ClientFields } from "../repository.ts";
import { conversionEtag } from "../serialize.ts";
import { getConversion } from "./get-conversion.ts";

/** The version an `If-Match` header asks for; null where any will do. An unknown validator matches no version. */
function expectedVersion(ifMatch: string | null): number | null {
  if (ifMatch === null || ifMatch.trim() === "*") return null;
  const version = Number(/^"v(\d{1,12})"$/.exec(ifMatch.trim())?.[1] ?? Number.NaN);
  if (Number.isNaN(version) || conversionEtag({ version }) !== ifMatch.trim())
    throw new AppError("precondition_failed");
  return version;
}

/** Changes the fields that belong to the client; those left out stay. */
export async function updateConversion(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  actor: Actor,
  id: string,
  command: { readonly fields: ClientFields; readonly ifMatch: string | null },
): Promise<Conversion> {
  await getConversion(deps, actor, id);
  const options = { expectedVersion: expectedVersion(command.ifMatch), now: deps.clock.now() };
  const outcome = await deps.conversions.updateClientFields(actor.userId, id, command.fields, options);
  if (outcome === "stale") throw new AppError("precondition_failed");
  return getConversion(deps, actor, id);
}
