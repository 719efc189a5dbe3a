import type { RateLimits } from "../kernel/rate-limits.ts";
import type { RatePolicy, RateWindow } from "../ports/rate-limiter.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** So wide that nobody at a desk meets it. */
const WIDE = 100_000;

interface LimitVariables {
  readonly ENVIRONMENT: string;
  readonly OTP_RESEND_COOLDOWN?: number | undefined;
  readonly RATE_LIMIT_WINDOW: number;
  readonly RATE_LIMIT_OTP_PER_PHONE: number;
  readonly RATE_LIMIT_OTP_PER_IP: number;
  readonly RATE_LIMIT_OTP_PER_PHONE_DAY?: number | undefined;
  readonly RATE_LIMIT_OTP_UNVERIFIED_PER_IP?: number | undefined;
  readonly RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY?: number | undefined;
  readonly RATE_LIMIT_VERIFY_PER_IP?: number | undefined;
  readonly RATE_LIMIT_VERIFY_PER_PHONE_DAY?: number | undefined;
  readonly RATE_LIMIT_LOGIN_PER_IP?: number | undefined;
  readonly RATE_LIMIT_LOGIN_PER_PHONE?: number | undefined;
  readonly RATE_LIMIT_COMMANDS_PER_USER?: number | undefined;
  readonly RATE_LIMIT_REFRESH_PER_SESSION?: number | undefined;
  readonly RATE_LIMIT_UPLOADS_PER_USER?: number | undefined;
  readonly RATE_LIMIT_CONVERSIONS_PER_USER?: number | undefined;
  readonly MAX_LOGIN_ATTEMPTS: number;
  readonly LOCKOUT_DURATION: number;
}

/** How long after a send the next one to the same phone is accepted. */
export function resendCooldownMs(v: Pick<LimitVariables, "ENVIRONMENT" | "OTP_RESEND_COOLDOWN">): number {
  return v.OTP_RESEND_COOLDOWN ?? (v.ENVIRONMENT === "development" ? 0 : MINUTE_MS);
}

function policy(name: string, windows: readonly RateWindow[], shown = false): RatePolicy {
  return { name, windows: windows.filter((window) => window.windowMs > 0), shown };
}

/** The limits as data. Shown are those that tell callers of nobody but themselves. */
export function createRateLimits(v: LimitVariables): RateLimits {
  /** The configured number, or its default: wide in development. */
  const or = (configured: number | undefined, usual: number) =>
    configured ?? (v.ENVIRONMENT === "development" ? WIDE : usual);
  const lock: RateWindow = { kind: "lock", limit: v.MAX_LOGIN_ATTEMPTS, windowMs: v.LOCKOUT_DURATION };
  const wrongCodes: RateWindow = { limit: or(v.RATE_LIMIT_VERIFY_PER_PHONE_DAY, 20), windowMs: DAY_MS };
  // Strangers can fail so often in an hour, locks and all; four times that leaves the owner his share.
  const strangers = v.MAX_LOGIN_ATTEMPTS * Math.ceil(HOUR_MS / v.LOCKOUT_DURATION);
  const hashes: RateWindow = {
    limit: or(v.RATE_LIMIT_LOGIN_PER_PHONE, Math.max(100, 4 * strangers)),
    windowMs: HOUR_MS,
  };
  const hour = v.RATE_LIMIT_WINDOW;
  return {
    otpPerIp: policy("otp-ip", [{ limit: v.RATE_LIMIT_OTP_PER_IP, windowMs: hour }], true),
    otpPerPhone: policy("otp-phone", [
      { limit: 1, windowMs: resendCooldownMs(v) },
      { limit: v.RATE_LIMIT_OTP_PER_PHONE, windowMs: hour },
      { limit: or(v.RATE_LIMIT_OTP_PER_PHONE_DAY, 10), windowMs: DAY_MS },
    ]),
    unverifiedPerIp: policy("otp-unverified-ip", [
      { limit: or(v.RATE_LIMIT_OTP_UNVERIFIED_PER_IP, 10), windowMs: HOUR_MS },
    ]),
    // A fixed number would stop a country on its best day: it grows with what people there really enter.
    unverifiedPerCountry: {
      ...policy("otp-country", [{ limit: or(v.RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY, 30), windowMs: HOUR_MS }]),
      growth: { share: 0.5, bucketMs: HOUR_MS, lookbackMs: 7 * DAY_MS },
    },
    verifyPerIp: policy("verify-ip", [{ limit: or(v.RATE_LIMIT_VERIFY_PER_IP, 20), windowMs: HOUR_MS }], true),
    verifyPerPhone: policy("verify-phone", [wrongCodes]),
    verifyPerKnownDevice: policy("verify-known-device", [wrongCodes]),
    loginPerIp: policy("login-ip", [{ limit: or(v.RATE_LIMIT_LOGIN_PER_IP, 20), windowMs: 15 * MINUTE_MS }], true),
    loginsPerPhone: policy("login-phone-all", [hashes]),
    resetsPerPhone: policy("password-reset", [hashes]),
    loginPerPhone: policy("login-phone", [lock]),
    loginPerKnownDevice: policy("login-known-device", [lock]),
    passwordChangePerUser: policy("password-change", [lock]),
    refreshPerSession: policy(
      "refresh",
      [{ limit: or(v.RATE_LIMIT_REFRESH_PER_SESSION, 60), windowMs: 15 * MINUTE_MS }],
      true,
    ),
    commandsPerUser: policy("commands", [{ limit: or(v.RATE_LIMIT_COMMANDS_PER_USER, 600), windowMs: HOUR_MS }], true),
    uploadsPerUser: policy("uploads", [{ limit: or(v.RATE_LIMIT_UPLOADS_PER_USER, 200), windowMs: HOUR_MS }], true),
    conversionsPerUser: policy(
      "conversions",
      [{ limit: or(v.RATE_LIMIT_CONVERSIONS_PER_USER, 200), windowMs: HOUR_MS }],
      true,
    ),
  };
}
