import { AppError } from "../../../kernel/app-error.ts";
import type { AuthDeps } from "../deps.ts";
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

/** Trades a code for a verification token, once. @throws {AppError} the same 400 for every kind of wrong. */
export async function verifyOtp(
  deps: Pick<AuthDeps, "config" | "clock" | "keyring" | "otp" | "users">,
  attempt: OtpAttempt,
): Promise<VerifiedOtp> {
  const { purpose, challengeId } = attempt;
  const { maxAttempts, verificationTokenTtlMs } = deps.config.otp;
  const phone = requirePhone(deps.config, attempt.phone);
  const macs = await codeMacs(deps.keyring, { ...attempt, phone });
  const now = deps.clock.now();
  if (!(await deps.otp.consumeCode(challengeId, macs, { now, maxAttempts }))) throw new AppError("invalid_code");
  const verificationToken = newVerificationToken();
  const tokenHash = await hashVerificationToken(verificationToken);
  const expiresAt = now + verificationTokenTtlMs;
  const [registered] = await Promise.all([
    deps.users.isRegistered(phone),
    deps.otp.createVerificationToken({ tokenHash, phone, purpose, createdAt: now, expiresAt }),
  ]);
  return { verificationToken, expiresIn: Math.floor(verificationTokenTtlMs / 1000), registered };
}
