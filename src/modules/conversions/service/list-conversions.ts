import type { Page, PageRequest } from "../../../kernel/page.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { Conversion } from "../conversion.ts";
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
  await expireOverdue(deps, actor.userId);
  return deps.conversions.list(actor.userId, filter, page);
}
