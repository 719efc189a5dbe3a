import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { UsersDeps } from "../deps.ts";
import type { User } from "../user.ts";

/** The caller's account. @throws {AppError} 401 when it was deleted while the session still stood. */
export async function getMe(deps: Pick<UsersDeps, "users">, actor: Actor): Promise<User> {
  const user = await deps.users.find(actor.userId);
  if (user === null) throw new AppError("unauthenticated");
  return user;
}
