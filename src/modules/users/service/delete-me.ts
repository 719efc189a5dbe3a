import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import { phonePseudonyms } from "../../../kernel/phone-subject.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { UsersDeps } from "../deps.ts";
import { eraseAccount } from "./erase-account.ts";

/**
 * Deletes the caller's account. When it returns, nobody is signed in, the phone is free, and no reader finds anything
 * of it; rows and objects are then erased in the background, and by the sweeper where that was cut short.
 */
export async function deleteMe(deps: UsersDeps, actor: Actor, stamp: AuditStamp): Promise<void> {
  const user = await deps.users.find(actor.userId);
  if (user === null) throw new AppError("unauthenticated");
  const aliases = await phonePseudonyms(deps.keyring, user.phone);
  const now = deps.clock.now();
  const sessionsPromiseId = newId("obx", now);
  const erasePromiseId = newId("obx", now);
  const change = await deps.users.deleteAccount({
    userId: actor.userId,
    event: doneBy(actor, stamp, now),
    sessionsPromiseId,
    erasePromiseId,
    aliases,
    now,
  });
  if (change === null) throw new AppError("unauthenticated");
  await deps.sessions.advance(change);
  deps.background(deps.outbox.settle(sessionsPromiseId));
  deps.background(eraseAccount(deps, { promiseId: erasePromiseId, userId: actor.userId, aliases }));
}
