import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { AdminDeps } from "../deps.ts";
import { changeTarget } from "../target.ts";

/** Ends every session of an account, at once and everywhere. */
export async function endSessions(
  deps: Pick<AdminDeps, "clock" | "users" | "sessions" | "outbox" | "audit" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  userId: string,
): Promise<void> {
  await changeTarget(deps, actor, stamp, userId, () => ({ set: {}, effect: "end" }));
}
