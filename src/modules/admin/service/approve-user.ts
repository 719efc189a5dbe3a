import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { User } from "../../users/index.ts";
import type { AdminDeps } from "../deps.ts";
import { activateFrom, changeTarget } from "../target.ts";

/** Makes a pending vendor an active one. Its sessions act as a vendor's on their next request and can't be refreshed. */
export async function approveUser(
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
    activateFrom("pending", "restrict", "Only a pending vendor can be approved"),
  );
}
