import { AppError } from "../../../kernel/app-error.ts";
import { doneAnonymously } from "../../../kernel/audit.ts";
import { phoneSubject } from "../../../kernel/phone-subject.ts";
import { Admission, giveBackAll } from "../../../kernel/rate-limits.ts";
import type { Caller } from "../caller.ts";
import type { AuthDeps } from "../deps.ts";
import { readDeviceToken } from "../known-device.ts";
import { codeMacs } from "../otp-code.ts";
import type { OtpPurpose } from "../repository.ts";
import { hashVerificationToken, newVerificationToken } from "../verification-token.ts";
import { requirePhone } from "./require-phone.ts";

export interface OtpAttempt {
  readonly phone: string;
  readonly purpose: OtpPurpose;
  readonly challengeId: string;
  /** Six ASCII digits. */
  readonly code: string;
}

export interface VerifiedOtp {
  readonly verificationToken: string;
  readonly expiresIn: number;
  readonly registered: boolean;
}

type VerifyDeps = Pick<AuthDeps, "config" | "clock" | "keyring" | "otp" | "rateLimiter" | "background">;

/**
 * Trades a code for a verification token, once. Every attempt is counted before it is looked at and given back unless it
 * was a wrong guess: a wrong code of a live challenge counts for the address and the phone, an unknown challenge for the
 * address alone, for anyone can make those up. @throws {AppError} the same 400 for every kind of wrong.
 */
export async function verifyOtp(deps: VerifyDeps, caller: Caller, attempt: OtpAttempt): Promise<VerifiedOtp> {
  const { purpose, challengeId } = attempt;
  const { limits, otp } = deps.config;
  const phone = requirePhone(deps.config, attempt.phone);
  const subject = await phoneSubject(deps.keyring, phone);
  caller.audit.subject = subject;
  const byAddress = new Admission(deps.rateLimiter);
  const byPhone = new Admission(deps.rateLimiter);
  await byAddress.take(limits.verifyPerIp, caller.addressKey);
  const device = await readDeviceToken(deps.keyring, phone, caller.deviceToken, deps.clock.now());
  const perPhone = device.known ? limits.verifyPerKnownDevice : limits.verifyPerPhone;
  await byPhone.take(perPhone, phone).catch((error) => giveBackAll([byAddress], error));
  const now = deps.clock.now();
  const verificationToken = newVerificationToken();
  const token = {
    tokenHash: await hashVerificationToken(verificationToken),
    phone,
    purpose,
    createdAt: now,
    expiresAt: now + otp.verificationTokenTtlMs,
  };
  const [phoneMacs, macs] = await Promise.all([
    deps.keyring.macs("phone", [phone, purpose]),
    codeMacs(deps.keyring, { ...attempt, phone }),
  ]);
  const event = doneAnonymously(subject, caller.audit, now, { detail: { purpose } });
  const outcome = await deps.otp
    .consumeCode({ challengeId, phoneMacs, codeMacs: macs }, token, { now, maxAttempts: otp.maxAttempts, event })
    .catch((error) => giveBackAll([byAddress, byPhone], error));
  if (outcome.kind === "wrong") throw new AppError("invalid_code");
  if (outcome.kind === "no_challenge") {
    // Not waited for: every kind of wrong takes as long.
    deps.background(byPhone.giveBack());
    throw new AppError("invalid_code");
  }
  const settled = outcome.takes.map((take) => deps.rateLimiter.settle(limits[take.limit], take));
  deps.background(Promise.all([byAddress.giveBack(), byPhone.giveBack(), ...settled]));
  const expiresIn = Math.floor(otp.verificationTokenTtlMs / 1000);
  return { verificationToken, expiresIn, registered: outcome.registered };
}
