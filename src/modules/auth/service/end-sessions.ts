import { type AuditStamp, type AuditSubject, doneBy } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { AccountChange } from "../../users/index.ts";
import type { AuthDeps } from "../deps.ts";

type EndDeps = Pick<AuthDeps, "clock" | "users" | "sessions" | "outbox" | "background">;

/**
 * Ends one session of a user. It is written down first, with the promise to end it: should the process die before the
 * session's object has been told, the sweeper tells it.
 */
export async function endSession(
  deps: EndDeps,
  actor: Pick<Actor, "userId" | "sessionId">,
  stamp: AuditStamp,
  target: { readonly userId: string; readonly sessionId: string },
): Promise<void> {
  const now = deps.clock.now();
  const id = newId("obx", now);
  const subject: AuditSubject = { userId: target.userId };
  const event = doneBy(actor, stamp, now, { subject, detail: { session: target.sessionId } });
  await deps.users.promiseSessionEnd({ id, ...target, event, now });
  await deps.sessions.end(target.userId, target.sessionId);
  deps.background(deps.outbox.settle(id));
}

/**
 * Makes a change of an account that its sessions must learn of, and tells them before it returns.
 * @returns false when the account was not as expected, and nothing was changed.
 */
export async function changeAccount(deps: EndDeps, change: Omit<AccountChange, "promiseId" | "now">): Promise<boolean> {
  const now = deps.clock.now();
  const promiseId = newId("obx", now);
  const made = await deps.users.changeAccount({ ...change, promiseId, now });
  if (made === null) return false;
  await deps.sessions.advance(made);
  deps.background(deps.outbox.settle(promiseId));
  return true;
}
