import { ANONYMOUS } from "../../../kernel/audit.ts";
import type { Page, PageRequest } from "../../../kernel/page.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { AuditDeps } from "../deps.ts";
import type { AuditFilter, AuditRecord } from "../repository.ts";

/** One page of what was done to the caller's account, newest first, whoever did it. */
export async function listAudit(
  deps: Pick<AuditDeps, "audit">,
  actor: Pick<Actor, "userId">,
  page: PageRequest,
): Promise<Page<AuditRecord>> {
  const { items, nextKey } = await deps.audit.list({ subjectId: actor.userId }, page);
  return { items: items.map((event) => withoutOthers(event, actor.userId)), nextKey };
}

/** An admin's session and address are not the business of the user he acted on. */
function withoutOthers(event: AuditRecord, userId: string): AuditRecord {
  if (event.actorId === userId || event.actorId === ANONYMOUS) return event;
  return { ...event, sessionId: null, ipPrefix: null };
}

/** One page of the whole log, newest first, for admins. */
export function searchAudit(
  deps: Pick<AuditDeps, "audit">,
  filter: AuditFilter,
  page: PageRequest,
): Promise<Page<AuditRecord>> {
  return deps.audit.list(filter, page);
}
