import { AppError } from "../../../kernel/app-error.ts";
import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { User } from "../../users/index.ts";
import type { AdminDeps } from "../deps.ts";
import { changeTarget, refuseOwnAccount } from "../target.ts";

/**
 * Ends every session of an account and lets nobody into it. A pending vendor becomes a disabled user: the request to be
 * one is declined, so that what is enabled again is what it was allowed to be, without remembering anything.
 */
export async function disableUser(
  deps: Pick<AdminDeps, "clock" | "users" | "sessions" | "outbox" | "audit" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  userId: string,
): Promise<User> {
  refuseOwnAccount(actor, userId);
  return changeTarget(deps, actor, stamp, userId, ({ status }) => {
    if (status === "disabled") {
      throw new AppError("invalid_transition", { detail: "This account is disabled already." });
    }
    const declined = status === "pending" ? ({ role: "user" } as const) : {};
    return { set: { status: "disabled", ...declined }, effect: "end", detail: { from: status } };
  });
}
