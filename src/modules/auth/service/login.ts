import { AppError } from "../../../kernel/app-error.ts";
import type { SessionClient } from "../../../ports/session-store.ts";
import type { User } from "../../users/index.ts";
import type { AuthDeps } from "../deps.ts";
import { hashVerificationToken } from "../verification-token.ts";
import { openSession, type SignedIn } from "./open-session.ts";
import { requirePhone } from "./require-phone.ts";

export type LoginProof =
  | { readonly by: "password"; readonly phone: string; readonly password: string }
  | { readonly by: "verification"; readonly verificationToken: string };

type LoginDeps = Pick<
  AuthDeps,
  "config" | "clock" | "otp" | "users" | "hasher" | "sessions" | "accessTokens" | "background"
>;

/** The user whom a password proves. An unknown phone costs a dummy verification: the answer's time tells nothing. */
async function userByPassword(deps: LoginDeps, phone: string, password: string): Promise<User | null> {
  const credentials = await deps.users.findCredentials(phone);
  const stored = credentials?.passwordHash ?? null;
  const { matches, rehash } = await deps.hasher.verify(password, stored);
  if (credentials === null || !matches) return null;
  if (rehash) deps.background(renewHash(deps, credentials.user.id, password, credentials.passwordHash));
  return credentials.user;
}

/** Hashes with today's parameters; a password that was changed meanwhile stays. */
async function renewHash(deps: LoginDeps, userId: string, password: string, stored: string): Promise<void> {
  await deps.users.replacePasswordHash(userId, stored, await deps.hasher.hash(password));
}

async function userByVerification(deps: LoginDeps, verificationToken: string): Promise<User | null> {
  const tokenHash = await hashVerificationToken(verificationToken);
  const phone = await deps.otp.consumeVerificationToken(tokenHash, "login", deps.clock.now());
  const credentials = phone === null ? null : await deps.users.findCredentials(phone);
  return credentials?.user ?? null;
}

/** Signs in by password or by a verified phone. @throws {AppError} the same 401 whatever was wrong. */
export async function login(deps: LoginDeps, proof: LoginProof, client: SessionClient): Promise<SignedIn> {
  const user =
    proof.by === "password"
      ? await userByPassword(deps, requirePhone(deps.config, proof.phone), proof.password)
      : await userByVerification(deps, proof.verificationToken);
  if (user === null || user.status === "disabled") throw new AppError("invalid_credentials");
  return openSession(deps, user, client);
}
