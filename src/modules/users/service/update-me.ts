import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { UsersDeps } from "../deps.ts";
import type { ProfileFields } from "../repository.ts";
import type { User } from "../user.ts";

/** Changes the given fields in one statement; parallel changes of different fields all survive. */
export async function updateMe(
  deps: Pick<UsersDeps, "users" | "clock">,
  actor: Actor,
  stamp: AuditStamp,
  fields: ProfileFields,
): Promise<User> {
  const event = doneBy(actor, stamp, deps.clock.now(), { detail: { fields: Object.keys(fields).join(" ") } });
  const user = await deps.users.updateProfile(actor.userId, fields, event);
  if (user === null) throw new AppError("unauthenticated");
  return user;
}
