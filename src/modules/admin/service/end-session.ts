import { AppError } from "../../../kernel/app-error.ts";
import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { endSession as end } from "../../auth/index.ts";
import type { AdminDeps } from "../deps.ts";
import { findTarget } from "../target.ts";

/** Ends one session of an account. @throws {AppError} 404 when it has no such session. */
export async function endSession(
  deps: Pick<AdminDeps, "clock" | "users" | "sessions" | "outbox" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  target: { readonly userId: string; readonly sessionId: string },
): Promise<void> {
  await findTarget(deps, stamp, target.userId);
  const sessions = await deps.sessions.list(target.userId);
  if (!sessions.some((session) => session.id === target.sessionId)) throw new AppError("session_not_found");
  await end(deps, actor, stamp, target);
}
