import { AppError } from "../../../kernel/app-error.ts";
import { doneAnonymously } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import { phoneSubject } from "../../../kernel/phone-subject.ts";
import { Admission } from "../../../kernel/rate-limits.ts";
import type { Caller } from "../caller.ts";
import type { AuthDeps } from "../deps.ts";
import { codeMacs, newOtpCode } from "../otp-code.ts";
import { countryOf } from "../phone.ts";
import type { OtpPurpose, UnverifiedTake } from "../repository.ts";
import { sealSms } from "../sealed-sms.ts";
import { requirePhone } from "./require-phone.ts";

export interface SentOtp {
  readonly challengeId: string;
  readonly expiresIn: number;
  readonly resendAfter: number;
}

type SendDeps = Pick<AuthDeps, "config" | "clock" | "keyring" | "otp" | "rateLimiter" | "alerts" | "dispatchSms">;

/**
 * Counts the send, or refuses it; what it took of the limits of unverified sends comes back with the right code. The
 * phone comes last: it may be somebody else's, and nothing that follows may hold its place and then refuse.
 */
async function admit(deps: SendDeps, caller: Caller, phone: string): Promise<UnverifiedTake[]> {
  const { limits } = deps.config;
  const admission = new Admission(deps.rateLimiter);
  await admission.take(limits.otpPerIp, caller.addressKey);
  const byIp = await admission.take(limits.unverifiedPerIp, caller.addressKey);
  const byCountry = await takeOfCountry(deps, admission, countryOf(phone));
  await admission.take(limits.otpPerPhone, phone);
  return [
    { limit: "unverifiedPerIp", ...byIp.ticket },
    { limit: "unverifiedPerCountry", ...byCountry.ticket },
  ];
}

/** A country where nobody enters the codes that are sent to it is what toll fraud looks like. */
async function takeOfCountry(deps: SendDeps, admission: Admission, country: string) {
  try {
    return await admission.take(deps.config.limits.unverifiedPerCountry, country);
  } catch (error) {
    if (error instanceof AppError && error.code === "rate_limited") {
      deps.alerts.raise({
        name: "otp_pumping",
        about: country,
        what: `Codes sent to ${country} are not entered: sending there has stopped until some are, or an hour is over`,
        advice: "Look at who asks for them; raise RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY if they are customers",
      });
    }
    throw error;
  }
}

/**
 * Sends a code. Whether the phone has an account is not looked up here: for `login` and `password_reset` that is left to
 * whoever delivers the message, so that neither the answer nor its time can tell.
 */
export async function sendOtp(
  deps: SendDeps,
  caller: Caller,
  request: { readonly phone: string; readonly purpose: OtpPurpose },
): Promise<SentOtp> {
  const { purpose } = request;
  const { ttlMs, resendCooldownMs } = deps.config.otp;
  const phone = requirePhone(deps.config, request.phone);
  const subject = await phoneSubject(deps.keyring, phone);
  caller.audit.subject = subject;
  if (deps.config.sms.kind === "unavailable") throw new AppError("service_unavailable");
  const takes = await admit(deps, caller, phone);
  const createdAt = deps.clock.now();
  const expiresAt = createdAt + ttlMs;
  const challengeId = newId("chl", createdAt);
  const smsId = newId("sms", createdAt);
  const code = newOtpCode();
  const [codeMac = ""] = await codeMacs(deps.keyring, { purpose, phone, challengeId, code });
  const phoneMac = await deps.keyring.mac("phone", [phone, purpose]);
  const sealed = await sealSms(deps.keyring, { to: phone, code, purpose });
  await deps.otp.createChallenge(
    { id: challengeId, codeMac, phoneMac, takes, createdAt, expiresAt },
    { id: smsId, sealed, dueAt: createdAt, expiresAt, createdAt },
    doneAnonymously(subject, caller.audit, createdAt, { detail: { purpose } }),
  );
  await deps.dispatchSms(smsId);
  return {
    challengeId,
    expiresIn: Math.floor(ttlMs / 1000),
    resendAfter: Math.ceil(resendCooldownMs / 1000),
  };
}
