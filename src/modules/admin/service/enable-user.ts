import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { User } from "../../users/index.ts";
import type { AdminDeps } from "../deps.ts";
import { activateFrom, changeTarget } from "../target.ts";

/** Lets the owner of a disabled account in again, with the role it has. Sessions that were ended stay ended. */
export async function enableUser(
  deps: Pick<AdminDeps, "clock" | "users" | "sessions" | "outbox" | "audit" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  userId: string,
): Promise<User> {
  return changeTarget(
    deps,
    actor,
    stamp,
    userId,
    activateFrom("disabled", "end", "Only a disabled account can be enabled"),
  );
}
