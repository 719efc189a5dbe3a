import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { Admission, giveBackAll } from "../../../kernel/rate-limits.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { AuthDeps } from "../deps.ts";
import { accountPasswordProblem } from "../password-policy.ts";
import { changeAccount } from "./end-sessions.ts";
import { forgiveFailures } from "./forgive-failures.ts";

type ChangeDeps = Pick<
  AuthDeps,
  "config" | "clock" | "logger" | "users" | "hasher" | "sessions" | "outbox" | "rateLimiter" | "background"
>;

/** A renewal of the hash at a login may come in between; the password is still the same then. */
const ATTEMPTS = 3;

async function tryChange(
  deps: ChangeDeps,
  actor: Actor,
  stamp: AuditStamp,
  request: { readonly currentPassword: string; readonly newPassword: string },
): Promise<boolean> {
  const credentials = await deps.users.findCredentialsOf(actor.userId);
  if (credentials === null) throw new AppError("unauthenticated");
  const { user, passwordHash } = credentials;
  const problem = accountPasswordProblem(request.newPassword, user.phone, deps.config.passwords.hashing);
  if (problem !== null) throw invalidField("newPassword", problem.code, problem.message);
  const { matches } = await deps.hasher.verify(request.currentPassword, passwordHash);
  if (!matches) throw new AppError("wrong_password");
  const set = { passwordHash: await deps.hasher.hash(request.newPassword) };
  return changeAccount(deps, {
    userId: user.id,
    set,
    expect: { passwordHash },
    effect: "end",
    keep: actor.sessionId,
    event: doneBy(actor, stamp, deps.clock.now()),
  });
}

/**
 * Changes the caller's password and ends every other session. Wrong current passwords are counted like failed logins:
 * a stolen access token is no way to guess the password.
 */
export async function changePassword(
  deps: ChangeDeps,
  actor: Actor,
  stamp: AuditStamp,
  request: { readonly currentPassword: string; readonly newPassword: string },
): Promise<void> {
  const limit = deps.config.limits.passwordChangePerUser;
  const admission = new Admission(deps.rateLimiter);
  const { ticket } = await admission.take(limit, actor.userId, "too_many_attempts");
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (!(await tryChange(deps, actor, stamp, request))) continue;
      await forgiveFailures(deps, [limit], actor.userId);
      return;
    }
    throw new AppError("service_unavailable");
  } catch (error) {
    if (!(error instanceof AppError && error.code === "wrong_password")) return giveBackAll([admission], error);
    deps.background(deps.rateLimiter.confirm(ticket));
    throw error;
  }
}
