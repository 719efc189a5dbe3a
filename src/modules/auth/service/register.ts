import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { newId } from "../../../kernel/ids.ts";
import type { SessionClient } from "../../../ports/session-store.ts";
import type { AuthDeps } from "../deps.ts";
import { accountPasswordProblem } from "../password-policy.ts";
import { hashVerificationToken } from "../verification-token.ts";
import { openSession, type SignedIn } from "./open-session.ts";

export interface Registration {
  readonly verificationToken: string;
  /** Canonical, and past the policy for new passwords. */
  readonly password: string;
  readonly name: string | null;
  readonly role: "user" | "vendor";
}

/**
 * Creates an account for a verified phone. The token is only looked at until the password is hashed: using it up and
 * inserting the user are one write, so an invalid body or a failing hasher never burns it, and of racing requests one wins.
 */
export async function register(
  deps: Pick<AuthDeps, "config" | "clock" | "otp" | "users" | "hasher" | "sessions" | "accessTokens">,
  registration: Registration,
  client: SessionClient,
): Promise<SignedIn> {
  const { verificationToken, password, name, role } = registration;
  const tokenHash = await hashVerificationToken(verificationToken);
  const phone = await deps.otp.peekVerificationToken(tokenHash, "register", deps.clock.now());
  if (phone === null) throw new AppError("invalid_verification_token");
  if (await deps.users.isRegistered(phone)) throw new AppError("already_registered");
  const problem = accountPasswordProblem(password, phone, deps.config.passwords.hashing);
  if (problem !== null) throw invalidField("password", problem.code, problem.message);
  const passwordHash = await deps.hasher.hash(password);
  const createdAt = deps.clock.now();
  const status = role === "vendor" ? "pending" : "active";
  const user = { id: newId("usr", createdAt), phone, name, bio: null, locale: null, role, status, createdAt } as const;
  const outcome = await deps.users.register({ ...user, passwordHash }, tokenHash);
  if (outcome.kind === "token_refused") throw new AppError("invalid_verification_token");
  if (outcome.kind === "phone_taken") throw new AppError("already_registered");
  return openSession(deps, outcome.user, client);
}
