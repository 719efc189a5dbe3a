import { AppError } from "../../../kernel/app-error.ts";
import { newId } from "../../../kernel/ids.ts";
import type { AuthDeps } from "../deps.ts";
import { codeMacs, newOtpCode } from "../otp-code.ts";
import type { OtpPurpose } from "../repository.ts";
import { requirePhone } from "./require-phone.ts";

export interface SentOtp {
  readonly challengeId: string;
  readonly expiresIn: number;
  readonly resendAfter: number;
}

/**
 * Sends a code. A phone without an account gets the same answer for `login` and `password_reset`, and a challenge whose
 * code nobody is told: who has an account can't be found out here. `register` sends to known phones all the same.
 */
export async function sendOtp(
  deps: Pick<AuthDeps, "config" | "clock" | "keyring" | "otp" | "users" | "sms">,
  request: { readonly phone: string; readonly purpose: OtpPurpose },
): Promise<SentOtp> {
  const { purpose } = request;
  const { ttlMs, resendCooldownMs } = deps.config.otp;
  const phone = requirePhone(deps.config, request.phone);
  if (deps.config.sms.kind === "unavailable") throw new AppError("service_unavailable");
  const now = deps.clock.now();
  const challengeId = newId("chl", now);
  const code = newOtpCode();
  const [codeMac = ""] = await codeMacs(deps.keyring, { purpose, phone, challengeId, code });
  const [registered] = await Promise.all([
    deps.users.isRegistered(phone),
    deps.otp.createChallenge({ id: challengeId, codeMac, createdAt: now, expiresAt: now + ttlMs }),
  ]);
  if (registered || purpose === "register") await deps.sms.sendOtp({ to: phone, code, ttlMs });
  return {
    challengeId,
    expiresIn: Math.floor(ttlMs / 1000),
    resendAfter: Math.ceil(resendCooldownMs / 1000),
  };
}
