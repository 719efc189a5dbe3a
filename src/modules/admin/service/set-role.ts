import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor, UserRole } from "../../../kernel/request-context.ts";
import type { User } from "../../users/index.ts";
import type { AdminDeps } from "../deps.ts";
import { changeTarget, refuseOwnAccount } from "../target.ts";

/**
 * Gives an account a role. Its sessions act with it on their next request and can't be refreshed. A pending account
 * becomes active, whatever the role: somebody has looked at it. A disabled one stays disabled.
 */
export async function setRole(
  deps: Pick<AdminDeps, "clock" | "users" | "sessions" | "outbox" | "audit" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  target: { readonly userId: string; readonly role: UserRole },
): Promise<User> {
  const { userId, role } = target;
  refuseOwnAccount(actor, userId);
  return changeTarget(deps, actor, stamp, userId, (user) => {
    const detail = { role, from: user.role };
    if (user.status === "pending") return { set: { role, status: "active" }, effect: "restrict", detail };
    return { set: user.role === role ? null : { role }, effect: "restrict", detail };
  });
}
