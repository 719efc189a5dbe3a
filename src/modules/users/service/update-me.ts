import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { listedTags } from "../../../kernel/if-match.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { UsersDeps } from "../deps.ts";
import type { ProfileFields } from "../repository.ts";
import { userEtag } from "../schemas.ts";
import type { User } from "../user.ts";

/** What the account must still be when writing; null where anything will do. */
async function expectedUser(
  { users }: Pick<UsersDeps, "users">,
  userId: string,
  ifMatch: string | null,
): Promise<User | null> {
  const tags = listedTags(ifMatch);
  if (tags === null) return null;
  const user = await users.find(userId);
  if (user === null) throw new AppError("unauthenticated");
  if (!tags.includes(await userEtag(user))) throw new AppError("precondition_failed");
  return user;
}

/** Changes the given fields in one statement; parallel changes of different fields all survive without `If-Match`. */
export async function updateMe(
  deps: Pick<UsersDeps, "users" | "clock">,
  actor: Actor,
  stamp: AuditStamp,
  { fields, ifMatch }: { readonly fields: ProfileFields; readonly ifMatch: string | null },
): Promise<User> {
  const expected = await expectedUser(deps, actor.userId, ifMatch);
  const event = doneBy(actor, stamp, deps.clock.now(), { detail: { fields: Object.keys(fields).join(" ") } });
  const user = await deps.users.updateProfile(actor.userId, fields, event, expected);
  if (user === null) {
    const isGone = expected === null || (await deps.users.find(actor.userId)) === null;
    throw new AppError(isGone ? "unauthenticated" : "precondition_failed");
  }
  return user;
}
