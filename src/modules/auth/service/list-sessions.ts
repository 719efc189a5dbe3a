import { type Page, type PageRequest, toPage } from "../../../kernel/page.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { SessionInfo } from "../../../ports/session-store.ts";
import type { AuthDeps } from "../deps.ts";

/** A page of the caller's live sessions, the newest first. */
export async function listSessions(
  deps: Pick<AuthDeps, "sessions">,
  actor: Actor,
  { limit, afterKey }: PageRequest,
): Promise<Page<SessionInfo & { readonly current: boolean }>> {
  const sessions = await deps.sessions.list(actor.userId);
  const rest = sessions.filter((session) => afterKey === null || session.id < afterKey);
  const shown = rest.map((session) => ({ ...session, current: session.id === actor.sessionId }));
  return toPage(shown, limit, (session) => session.id);
}
