import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { AuthDeps } from "../deps.ts";
import { changeAccount } from "./end-sessions.ts";

/** Ends every session of the caller, this one included. */
export async function logoutAll(
  deps: Pick<AuthDeps, "clock" | "users" | "sessions" | "outbox" | "background">,
  actor: Actor,
  stamp: AuditStamp,
): Promise<void> {
  const event = doneBy(actor, stamp, deps.clock.now());
  await changeAccount(deps, { userId: actor.userId, set: {}, effect: "end", keep: null, event });
}
