import { AppError } from "../../../kernel/app-error.ts";
import type { SessionInfo } from "../../../ports/session-store.ts";
import { getUsageOf, type Usage } from "../../plans/index.ts";
import type { User } from "../../users/index.ts";
import type { AdminDeps } from "../deps.ts";

export interface UserDetails {
  readonly user: User;
  readonly sessions: readonly SessionInfo[];
  readonly usage: Usage;
}

/** An account, where it is signed in, and what it has used this month. */
export async function getUser(
  deps: Pick<AdminDeps, "users" | "sessions" | "quota" | "clock" | "config">,
  userId: string,
): Promise<UserDetails> {
  const user = await deps.users.find(userId);
  if (user === null) throw new AppError("user_not_found");
  const [sessions, usage] = await Promise.all([deps.sessions.list(userId), getUsageOf(deps, userId)]);
  if (usage === null) throw new AppError("user_not_found");
  return { user, sessions, usage };
}
