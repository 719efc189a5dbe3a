import type { Page, PageRequest } from "../../../kernel/page.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { type Conversion, isOverdue } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import type { ConversionFilter } from "../repository.ts";
import { expireOverdue } from "./expire-overdue.ts";

/** One page of the caller's conversions, newest first; those out of time are settled before they are shown. */
export async function listConversions(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  actor: Actor,
  filter: ConversionFilter,
  page: PageRequest,
): Promise<Page<Conversion>> {
  // One that nobody has settled yet stands among the active ones: only of the expired ones can it be missing.
  if (filter.status === "expired") await expireOverdue(deps, actor.userId);
  const found = await deps.conversions.list(actor.userId, filter, page);
  const now = deps.clock.now();
  if (!found.items.some((conversion) => isOverdue(conversion, now))) return found;
  await expireOverdue(deps, actor.userId);
  return deps.conversions.list(actor.userId, filter, page);
}
