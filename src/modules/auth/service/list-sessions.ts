import type { Actor } from "../../../kernel/request-context.ts";
import type { SessionInfo } from "../../../ports/session-store.ts";
import type { AuthDeps } from "../deps.ts";

/** The caller's live sessions, the newest first. */
export async function listSessions(
  deps: Pick<AuthDeps, "sessions">,
  actor: Actor,
): Promise<readonly (SessionInfo & { readonly current: boolean })[]> {
  const sessions = await deps.sessions.list(actor.userId);
  return sessions.map((session) => ({ ...session, current: session.id === actor.sessionId }));
}
