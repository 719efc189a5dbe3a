import { AppError } from "../../kernel/app-error.ts";
import { type AuditDetail, type AuditStamp, doneBy } from "../../kernel/audit.ts";
import type { Actor } from "../../kernel/request-context.ts";
import { changeAccount } from "../auth/index.ts";
import type { AccountChange, User } from "../users/index.ts";
import type { AdminDeps } from "./deps.ts";

/** How often a change is decided anew because others changed the account first. */
const MAX_ROUNDS = 10;

type TargetDeps = Pick<AdminDeps, "clock" | "users" | "sessions" | "outbox" | "audit" | "background">;

/** What an admin does to an account as it is; `set` is null where there is nothing to do but to record it. */
export interface Decision extends Pick<AccountChange, "effect"> {
  readonly set: Pick<AccountChange["set"], "role" | "status"> | null;
  readonly detail?: AuditDetail;
}

/** The account to act on; from here on, its log tells of what is refused. @throws {AppError} 404 when there is none. */
export async function findTarget(deps: Pick<AdminDeps, "users">, stamp: AuditStamp, userId: string): Promise<User> {
  const user = await deps.users.find(userId);
  if (user === null) throw new AppError("user_not_found");
  stamp.subject = { userId };
  return user;
}

/** Nobody takes the last admin away: each one needs another to lose what he has. */
export function refuseOwnAccount(actor: Actor, userId: string): void {
  if (actor.userId === userId) throw new AppError("own_account");
}

/** @throws {AppError} 403 when the caller has ceased to be an admin since the request came. */
export async function requireStillAdmin(deps: Pick<AdminDeps, "users">, actor: Actor): Promise<void> {
  const admin = await deps.users.find(actor.userId);
  if (admin?.role !== "admin" || admin.status !== "active") throw new AppError("forbidden");
}

/** For `decide`: the change of status that a command makes from one status alone. @throws {AppError} 409 from another. */
export function activateFrom(
  status: "pending" | "disabled",
  effect: AccountChange["effect"],
  refusal: string,
): (user: User) => Decision {
  return (user) => {
    if (user.status !== status) {
      throw new AppError("invalid_transition", { detail: `${refusal}; this one is ${user.status}.` });
    }
    return { set: { status: "active" }, effect };
  };
}

/**
 * Decides on the account as it is and makes the change, which holds only if it still is like that and the caller still
 * an admin; otherwise decides anew. @returns the account afterwards. @throws {AppError} what `decide` throws, among others.
 */
export async function changeTarget(
  deps: TargetDeps,
  actor: Actor,
  stamp: AuditStamp,
  userId: string,
  decide: (user: User) => Decision,
): Promise<User> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const user = await findTarget(deps, stamp, userId);
    const { set, effect, detail } = decide(user);
    const event = doneBy(actor, stamp, deps.clock.now(), { subject: { userId }, ...(detail ? { detail } : {}) });
    if (set === null) {
      await deps.audit.record(event);
      return user;
    }
    const expect = { status: [user.status], adminId: actor.userId };
    if (await changeAccount(deps, { userId, set, expect, effect, keep: null, event })) {
      return await findTarget(deps, stamp, userId);
    }
    await requireStillAdmin(deps, actor);
  }
  throw new AppError("service_unavailable");
}
