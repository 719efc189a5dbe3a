import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { doneAnonymously } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import { phoneSubject } from "../../../kernel/phone-subject.ts";
import type { User } from "../../users/index.ts";
import type { Caller } from "../caller.ts";
import type { AuthDeps } from "../deps.ts";
import { newDeviceToken } from "../known-device.ts";
import { accountPasswordProblem } from "../password-policy.ts";
import { hashVerificationToken } from "../verification-token.ts";
import { openSession, type SignedIn, signIn } from "./open-session.ts";

export interface Registration {
  readonly verificationToken: string;
  /** Canonical, and past the policy for new passwords. */
  readonly password: string;
  readonly name: string | null;
  readonly role: "user" | "vendor";
}

type RegisterDeps = Pick<
  AuthDeps,
  "config" | "clock" | "keyring" | "otp" | "users" | "hasher" | "sessions" | "accessTokens" | "background"
>;

function newUser(phone: string, { name, role }: Registration, createdAt: number): User {
  const status = role === "vendor" ? "pending" : "active";
  const id = newId("usr", createdAt);
  const profile = { name, bio: null, locale: null };
  return { id, phone, ...profile, role, status, sessionEpoch: 0, createdAt, updatedAt: createdAt };
}

/**
 * Creates an account for a verified phone. The token is only looked at until the password is hashed and the session
 * stands: using it up and inserting the user are one write, so an invalid body or a failing part never burns it, and of
 * racing requests one wins.
 */
export async function register(deps: RegisterDeps, caller: Caller, registration: Registration): Promise<SignedIn> {
  const { verificationToken, password } = registration;
  const tokenHash = await hashVerificationToken(verificationToken);
  const phone = await deps.otp.peekVerificationToken(tokenHash, "register", deps.clock.now());
  if (phone === null) throw new AppError("invalid_verification_token");
  caller.audit.subject = await phoneSubject(deps.keyring, phone);
  if (await deps.users.isRegistered(phone)) throw new AppError("already_registered");
  const problem = accountPasswordProblem(password, phone, deps.config.passwords.hashing);
  if (problem !== null) throw invalidField("password", problem.code, problem.message);
  const passwordHash = await deps.hasher.hash(password);
  const now = deps.clock.now();
  const user = newUser(phone, registration, now);
  const session = await openSession(deps, user, caller.client);
  if (session === null) throw new AppError("service_unavailable");
  const { updatedAt: _, ...row } = user;
  const { sessionId } = session;
  const event = doneAnonymously({ userId: user.id }, caller.audit, now, { userId: user.id, sessionId });
  const endSession = () => deps.background(deps.sessions.end(user.id, sessionId));
  const outcome = await deps.users.register({ ...row, passwordHash }, tokenHash, event).catch((error) => {
    endSession();
    throw error;
  });
  if (outcome.kind !== "registered") {
    endSession();
    throw new AppError(outcome.kind === "phone_taken" ? "already_registered" : "invalid_verification_token");
  }
  return signIn(deps, outcome.user, session, await newDeviceToken(deps.keyring, phone, now));
}
