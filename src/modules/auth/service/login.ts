import { AppError } from "../../../kernel/app-error.ts";
import { doneAnonymously } from "../../../kernel/audit.ts";
import { sleep } from "../../../kernel/clock.ts";
import { phoneSubject } from "../../../kernel/phone-subject.ts";
import { Admission, giveBackAll } from "../../../kernel/rate-limits.ts";
import type { SessionTokens } from "../../../ports/session-store.ts";
import type { Credentials, User } from "../../users/index.ts";
import type { Caller } from "../caller.ts";
import type { AuthDeps } from "../deps.ts";
import { newDeviceToken, readDeviceToken } from "../known-device.ts";
import { hashVerificationToken } from "../verification-token.ts";
import { forgiveFailures } from "./forgive-failures.ts";
import { openSession, type SignedIn, signIn } from "./open-session.ts";
import { requirePhone } from "./require-phone.ts";

export type LoginProof =
  | { readonly by: "password"; readonly phone: string; readonly password: string }
  | { readonly by: "verification"; readonly verificationToken: string };

type LoginDeps = Pick<
  AuthDeps,
  | "config"
  | "clock"
  | "logger"
  | "keyring"
  | "otp"
  | "users"
  | "hasher"
  | "sessions"
  | "accessTokens"
  | "rateLimiter"
  | "audit"
  | "background"
>;

/** The user whom a password proves. An unknown phone costs a dummy verification. */
async function userByPassword(deps: LoginDeps, phone: string, password: string): Promise<User | null> {
  const credentials = await deps.users.findCredentials(phone);
  const { matches, rehash } = await deps.hasher.verify(password, credentials?.passwordHash ?? null);
  if (credentials === null || !matches || credentials.user.status === "disabled") return null;
  if (rehash) deps.background(renewHash(deps, credentials, password));
  return credentials.user;
}

/** Hashes with today's parameters; a password that was changed meanwhile stays. */
async function renewHash(deps: LoginDeps, { user, passwordHash }: Credentials, password: string): Promise<void> {
  await deps.users.replacePasswordHash(user.id, passwordHash, await deps.hasher.hash(password));
}

/** No refusal is faster than any other: hashes of other kinds take other times, and unknown phones have none. */
async function refuseNoSoonerThan(deps: LoginDeps, startedAt: number): Promise<never> {
  await sleep(Math.max(0, startedAt + deps.config.login.timeFloorMs - deps.clock.now()));
  throw new AppError("invalid_credentials");
}

/**
 * Limits come before hashing, and an attempt counts as failed until it turns out otherwise: of parallel guesses no more
 * are hashed than would be allowed one after another. Unknown phones are counted and locked like any other.
 */
async function byPassword(deps: LoginDeps, caller: Caller, writtenPhone: string, password: string): Promise<SignedIn> {
  const { limits } = deps.config;
  const startedAt = deps.clock.now();
  const phone = requirePhone(deps.config, writtenPhone);
  caller.audit.subject = await phoneSubject(deps.keyring, phone);
  const device = await readDeviceToken(deps.keyring, phone, caller.deviceToken, startedAt);
  const lock = device.known ? limits.loginPerKnownDevice : limits.loginPerPhone;
  const failures = new Admission(deps.rateLimiter);
  const hashes = new Admission(deps.rateLimiter);
  await failures.take(limits.loginPerIp, caller.addressKey);
  const { remaining, ticket } = await failures.take(lock, phone, "too_many_attempts");
  // Last, and with room for far more than the lock lets strangers try.
  await hashes.take(limits.loginsPerPhone, phone).catch((reason) => giveBackAll([failures], reason));
  let user: User | null = null;
  let session: SessionTokens | null = null;
  try {
    user = await userByPassword(deps, phone, password);
    session = user && (await openSession(deps, user, caller.client));
    if (user === null || session === null) {
      caller.audit.detail = { by: "password", locked: remaining === 0 };
      deps.background(deps.rateLimiter.confirm(ticket));
      return await refuseNoSoonerThan(deps, startedAt);
    }
    await deps.audit.record(signedIn(deps, caller, user, session, "password"));
    await forgiveFailures(deps, [lock], phone);
    deps.background(failures.giveBack());
    return signIn(deps, user, session, device.renew ? await newDeviceToken(deps.keyring, phone, startedAt) : null);
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid_credentials") throw error;
    // What failed was not the password.
    if (user && session) deps.background(deps.sessions.end(user.id, session.sessionId));
    return giveBackAll([failures, hashes], error);
  }
}

function signedIn(deps: LoginDeps, caller: Caller, user: User, session: SessionTokens, by: string) {
  const { sessionId } = session;
  const who = { userId: user.id, sessionId, detail: { by } };
  return doneAnonymously({ userId: user.id }, caller.audit, deps.clock.now(), who);
}

/** Stays open while a phone is locked: whoever has the phone is its owner, and all failures are forgotten. */
async function byVerification(deps: LoginDeps, caller: Caller, verificationToken: string): Promise<SignedIn> {
  const { limits } = deps.config;
  const now = deps.clock.now();
  const tokenHash = await hashVerificationToken(verificationToken);
  const phone = await deps.otp.peekVerificationToken(tokenHash, "login", now);
  if (phone === null) throw new AppError("invalid_credentials");
  caller.audit.subject = await phoneSubject(deps.keyring, phone);
  caller.audit.detail = { by: "verification" };
  const user = (await deps.users.findCredentials(phone))?.user ?? null;
  if (user === null || user.status === "disabled") throw new AppError("invalid_credentials");
  // However many use the token at once, one session is opened and one of them gets it: no other device is pushed out.
  const session = await openSession(deps, user, caller.client, tokenHash);
  if (session === null) throw new AppError("invalid_credentials");
  const event = signedIn(deps, caller, user, session, "verification");
  const used = await deps.otp.consumeVerificationToken(tokenHash, "login", { now, event }).catch((error) => {
    deps.background(endUnused(deps, tokenHash, user.id, session.sessionId));
    throw error;
  });
  if (used === null) throw new AppError("invalid_credentials");
  await forgiveFailures(deps, [limits.loginPerPhone, limits.loginPerKnownDevice], phone);
  const device = await readDeviceToken(deps.keyring, phone, caller.deviceToken, now);
  return signIn(deps, user, session, device.renew ? await newDeviceToken(deps.keyring, phone, now) : null);
}

/** Ends the session of a token that nobody has used up: then nobody was given it. */
async function endUnused(deps: LoginDeps, tokenHash: string, userId: string, sessionId: string): Promise<void> {
  const phone = await deps.otp.peekVerificationToken(tokenHash, "login", deps.clock.now());
  if (phone !== null) await deps.sessions.end(userId, sessionId);
}

/** Signs in by password or by a verified phone. @throws {AppError} the same 401 whatever was wrong. */
export function login(deps: LoginDeps, caller: Caller, proof: LoginProof): Promise<SignedIn> {
  return proof.by === "password"
    ? byPassword(deps, caller, proof.phone, proof.password)
    : byVerification(deps, caller, proof.verificationToken);
}
