import { AppError } from "../../../kernel/app-error.ts";
import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { AuthDeps } from "../deps.ts";
import { endSession } from "./end-sessions.ts";

/** Ends one of the caller's sessions. @throws {AppError} 404 for one that is not there or another's: which, is not told. */
export async function revokeSession(
  deps: Pick<AuthDeps, "clock" | "users" | "sessions" | "outbox" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  sessionId: string,
): Promise<void> {
  const sessions = await deps.sessions.list(actor.userId);
  if (!sessions.some((session) => session.id === sessionId)) throw new AppError("session_not_found");
  await endSession(deps, actor, stamp, { userId: actor.userId, sessionId });
}
