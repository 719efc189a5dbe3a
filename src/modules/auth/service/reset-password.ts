import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { doneAnonymously } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import { phoneSubject } from "../../../kernel/phone-subject.ts";
import { Admission } from "../../../kernel/rate-limits.ts";
import type { Caller } from "../caller.ts";
import type { AuthDeps } from "../deps.ts";
import { accountPasswordProblem } from "../password-policy.ts";
import { hashVerificationToken } from "../verification-token.ts";
import { forgiveFailures } from "./forgive-failures.ts";

/**
 * Gives the owner of a verified phone a new password and ends every session. Stays open while the phone is locked, and
 * ends the lock. A refused body doesn't use the token up.
 */
export async function resetPassword(
  deps: Pick<
    AuthDeps,
    | "config"
    | "clock"
    | "logger"
    | "keyring"
    | "otp"
    | "users"
    | "hasher"
    | "sessions"
    | "outbox"
    | "rateLimiter"
    | "background"
  >,
  caller: Caller,
  request: { readonly verificationToken: string; readonly newPassword: string },
): Promise<void> {
  const tokenHash = await hashVerificationToken(request.verificationToken);
  const phone = await deps.otp.peekVerificationToken(tokenHash, "password_reset", deps.clock.now());
  if (phone === null) throw new AppError("invalid_verification_token");
  if (!(await deps.users.isRegistered(phone))) throw new AppError("invalid_verification_token");
  const subject = await phoneSubject(deps.keyring, phone);
  caller.audit.subject = subject;
  const problem = accountPasswordProblem(request.newPassword, phone, deps.config.passwords.hashing);
  if (problem !== null) throw invalidField("newPassword", problem.code, problem.message);
  await new Admission(deps.rateLimiter).take(deps.config.limits.resetsPerPhone, phone);
  const passwordHash = await deps.hasher.hash(request.newPassword);
  const now = deps.clock.now();
  const promiseId = newId("obx", now);
  const event = doneAnonymously(subject, caller.audit, now);
  const change = { passwordHash, effect: "end", keep: null, event, promiseId, now } as const;
  const made = await deps.users.resetPassword(tokenHash, change);
  if (made === null) throw new AppError("invalid_verification_token");
  await deps.sessions.advance(made);
  deps.background(deps.outbox.settle(promiseId));
  const { loginPerPhone, loginPerKnownDevice } = deps.config.limits;
  await forgiveFailures(deps, [loginPerPhone, loginPerKnownDevice], phone);
}
