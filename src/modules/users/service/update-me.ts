import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { UsersDeps } from "../deps.ts";
import type { ProfileFields } from "../repository.ts";
import type { User } from "../user.ts";

/** Changes the given fields in one statement; parallel changes of different fields all survive. */
export async function updateMe(
  deps: Pick<UsersDeps, "users" | "clock">,
  actor: Actor,
  fields: ProfileFields,
): Promise<User> {
  const user = await deps.users.updateProfile(actor.userId, fields, deps.clock.now());
  if (user === null) throw new AppError("unauthenticated");
  return user;
}
