import { z } from "zod";
import type { Config, SmsConfig } from "../kernel/config.ts";
import { ConfigError } from "../kernel/config-error.ts";
import { PROVIDER_IDS } from "../ports/image-generator.ts";
import { SMSIR_BASE_URL } from "../providers/sms/smsir.ts";
import { TWILIO_BASE_URL } from "../providers/sms/twilio.ts";
import { toProviders } from "./provider-config.ts";
import { createRateLimits, resendCooldownMs } from "./rate-limits.ts";
import { telemetryVariables, toTelemetry } from "./telemetry-config.ts";
import {
  country,
  dollars,
  duration,
  httpUrl,
  integer,
  ipRange,
  limit,
  list,
  modelId,
  origin,
  positiveDuration,
  secret,
  timerDuration,
} from "./variable-types.ts";

/** The contract's numbers: tabs and retries at once, and an answer that got lost on a bad line. */
const REFRESH_GRACE_MS = 10_000;
const UNUSED_REFRESH_GRACE_MS = 60_000;
/** Far longer than any picture takes, the wait for its turn included. */
const STAGE_TIMEOUT_MS = 120_000;
const variables = z.object({
  ENVIRONMENT: z.enum(["development", "preview", "production"]),
  JWT_SECRET: secret.optional(),
  JWT_SECRET_PREVIOUS: secret.optional(),
  JWT_SECRET_NEXT: secret.optional(),
  PASSWORD_PEPPER: z.string().min(16, "must have at least 16 characters").optional(),
  GEMINI_API_KEY: z.string().optional(),
  GEMINI_BASE_URL: httpUrl.optional(),
  GEMINI_MODEL: modelId.default("gemini-3.1-flash-image"),
  GEMINI_MODEL_STYLE: modelId.optional(),
  GEMINI_MODEL_TRYON: modelId.optional(),
  GEMINI_PRICES: list.pipe(z.tuple([dollars, dollars, dollars])).optional(),
  AI_GATEWAY_TOKEN: z.string().optional(),
  WORKERS_AI_MODEL: modelId.default("@cf/black-forest-labs/flux-2-klein-9b"),
  WORKERS_AI_GATEWAY: z.string().max(64).optional(),
  WORKERS_AI_PRICE: dollars.prefault("0.019"),
  PROVIDERS: list.pipe(z.array(z.enum(PROVIDER_IDS)).min(1)).optional(),
  PROVIDER_DAILY_BUDGET: dollars.optional(),
  CIRCUIT_BACKOFF: timerDuration.prefault("30s"),
  SMS_PROVIDER: z.enum(["dev", "smsir", "twilio"]).optional(),
  SMS_API_KEY: z.string().optional(),
  SMS_BASE_URL: httpUrl.optional(),
  SMS_TEMPLATE: integer(1, 999_999_999).prefault("100000"),
  SMS_FROM: z.string().max(64).optional(),
  PASSWORD_ALGORITHM: z.enum(["argon2id", "bcrypt"]).default("argon2id"),
  ARGON2_MEMORY: integer(8, 65_536).prefault("19456"),
  ARGON2_ITERATIONS: integer(1, 10).prefault("2"),
  ARGON2_PARALLELISM: integer(1, 4).prefault("1"),
  BCRYPT_COST: integer(4, 13).prefault("12"),
  OTP_TTL: positiveDuration.prefault("5m"),
  OTP_MAX_ATTEMPTS: integer(1, 100).prefault("5"),
  OTP_COUNTRIES: list.pipe(z.array(country).min(1)).prefault("IR"),
  OTP_RESEND_COOLDOWN: duration.optional(),
  RATE_LIMIT_WINDOW: positiveDuration.prefault("1h"),
  RATE_LIMIT_OTP_PER_PHONE: limit.prefault("3"),
  RATE_LIMIT_OTP_PER_IP: limit.prefault("100"),
  RATE_LIMIT_OTP_PER_PHONE_DAY: limit.optional(),
  RATE_LIMIT_OTP_UNVERIFIED_PER_IP: limit.optional(),
  RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY: limit.optional(),
  RATE_LIMIT_VERIFY_PER_IP: limit.optional(),
  RATE_LIMIT_VERIFY_PER_PHONE_DAY: limit.optional(),
  RATE_LIMIT_LOGIN_PER_IP: limit.optional(),
  RATE_LIMIT_LOGIN_PER_PHONE: limit.optional(),
  RATE_LIMIT_COMMANDS_PER_USER: limit.optional(),
  RATE_LIMIT_REFRESH_PER_SESSION: limit.optional(),
  RATE_LIMIT_UPLOADS_PER_USER: limit.optional(),
  RATE_LIMIT_CONVERSIONS_PER_USER: limit.optional(),
  MAX_LOGIN_ATTEMPTS: integer(1, 1_000).prefault("5"),
  LOCKOUT_DURATION: positiveDuration.prefault("15m"),
  LOGIN_TIME_FLOOR: duration.refine((ms) => ms <= 10_000, "must be at most 10s").prefault("450ms"),
  VERIFICATION_TOKEN_TTL: positiveDuration.prefault("10m"),
  SESSION_TIMEOUT: positiveDuration.prefault("24h"),
  SESSION_ABSOLUTE_TIMEOUT: positiveDuration.prefault("30d"),
  MAX_SESSIONS_PER_USER: integer(1, 1_000).prefault("20"),
  ACCESS_TOKEN_TTL: positiveDuration.prefault("10m"),
  FREE_MONTHLY_CONVERSIONS: integer(0, 1_000_000).prefault("10"),
  MAX_CONCURRENT_CONVERSIONS: integer(1, 1_000).prefault("4"),
  SIGNED_URL_TTL: positiveDuration.prefault("15m"),
  CONVERSION_DEADLINE: timerDuration.prefault("10m"),
  PROVIDER_TIMEOUT: timerDuration.prefault("90s"),
  CONVERSION_MAX_ATTEMPTS: integer(1, 20).prefault("4"),
  ADMIN_IP_ALLOWLIST: list.pipe(z.array(ipRange)).prefault(""),
  CORS_ORIGINS: list.pipe(z.array(origin)).prefault(""),
  DEFAULT_COUNTRY: country.default("IR"),
  ...telemetryVariables,
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  LOG_FORMAT: z.enum(["json", "pretty", "logfmt"]).optional(),
});

/** Every variable the service reads; `npm run dev` hands exactly these from its environment to the Workers. */
export const CONFIG_VARIABLES = Object.keys(variables.shape) as readonly (keyof typeof variables.shape)[];

export type WorkerName = "api" | "consumer" | "hasher" | "tail";

/** Variables a Worker can't do without, beside ENVIRONMENT. Secrets go only to the Workers that use them. */
const REQUIRED: Record<WorkerName, readonly (keyof typeof variables.shape)[]> = {
  api: ["ENVIRONMENT", "JWT_SECRET"],
  consumer: ["ENVIRONMENT"],
  hasher: ["ENVIRONMENT"],
  tail: ["ENVIRONMENT"],
};

/**
 * Reads the variables of a Worker's environment; bindings and unknown names are ignored, empty values count as unset.
 * @throws {ConfigError} naming every bad or missing variable at once.
 */
export function parseConfig(environment: object, worker: WorkerName): Config {
  const given = Object.entries(environment).filter(([, value]) => typeof value === "string" && value !== "");
  const parsed = variables.safeParse(Object.fromEntries(given));
  const missing = REQUIRED[worker].filter((name) => !given.some(([key]) => key === name));
  const problems = [
    ...missing.map((variable) => ({ variable, problem: "is missing" })),
    ...(worker === "api" ? smsProblems(Object.fromEntries(given)) : []),
    ...(parsed.error?.issues ?? [])
      .filter((issue) => !missing.includes(issue.path[0] as (typeof missing)[number]))
      .map((issue) => ({ variable: String(issue.path[0]), problem: describe(issue) })),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data);
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return "is missing";
  if (issue.code === "invalid_value") return `must be one of ${issue.values.join(", ")}`;
  return issue.message;
}

/** A provider that is named wants its key; without one, codes would be promised and never sent. */
function smsProblems({ SMS_PROVIDER, SMS_API_KEY }: Readonly<Record<string, string>>) {
  if (SMS_PROVIDER !== "smsir" && SMS_PROVIDER !== "twilio") return [];
  if (SMS_API_KEY === undefined) return [{ variable: "SMS_API_KEY", problem: `is missing, for ${SMS_PROVIDER}` }];
  if (SMS_PROVIDER === "smsir" || /^[^:]+:[^:]+(:[^:]+)?$/.test(SMS_API_KEY)) return [];
  return [{ variable: "SMS_API_KEY", problem: "must be AccountSid:AuthToken, for twilio" }];
}

/** Outside development `dev` would send nothing, and codes would lie readable in the database. */
function toSms(v: z.output<typeof variables>): SmsConfig {
  const development = v.ENVIRONMENT === "development";
  const provider = v.SMS_PROVIDER ?? (development ? "dev" : undefined);
  if (provider === "dev") return { kind: development ? "dev" : "unavailable" };
  if (provider === undefined || v.SMS_API_KEY === undefined) return { kind: "unavailable" };
  const apiKey = v.SMS_API_KEY;
  if (provider === "smsir") {
    return { kind: "smsir", apiKey, baseUrl: v.SMS_BASE_URL ?? SMSIR_BASE_URL, templateId: v.SMS_TEMPLATE };
  }
  const [accountSid = "", authToken = "", sender = null] = apiKey.split(":");
  const baseUrl = v.SMS_BASE_URL ?? TWILIO_BASE_URL;
  return { kind: "twilio", accountSid, authToken, from: v.SMS_FROM ?? sender, baseUrl };
}

function toSecrets(v: z.output<typeof variables>): Config["secrets"] {
  if (v.JWT_SECRET === undefined) return null;
  return { active: v.JWT_SECRET, previous: v.JWT_SECRET_PREVIOUS ?? null, next: v.JWT_SECRET_NEXT ?? null };
}

/** Whoever is sent the log elsewhere wants to search it there. */
function isReadByPeople(v: z.output<typeof variables>): boolean {
  return v.ENVIRONMENT === "development" && v.LOKI_URL === undefined && v.OTLP_ENDPOINT === undefined;
}

function toConfig(v: z.output<typeof variables>): Config {
  return {
    environment: v.ENVIRONMENT,
    log: { level: v.LOG_LEVEL, format: v.LOG_FORMAT ?? (isReadByPeople(v) ? "pretty" : "json") },
    telemetry: toTelemetry(v),
    secrets: toSecrets(v),
    passwords: {
      hashing:
        v.PASSWORD_ALGORITHM === "bcrypt"
          ? { algorithm: "bcrypt", cost: v.BCRYPT_COST }
          : {
              algorithm: "argon2id",
              memoryKiB: v.ARGON2_MEMORY,
              iterations: v.ARGON2_ITERATIONS,
              parallelism: v.ARGON2_PARALLELISM,
            },
      pepper: v.PASSWORD_PEPPER ?? null,
    },
    sms: toSms(v),
    limits: createRateLimits(v),
    login: { timeFloorMs: v.LOGIN_TIME_FLOOR },
    otp: {
      ttlMs: v.OTP_TTL,
      maxAttempts: v.OTP_MAX_ATTEMPTS,
      resendCooldownMs: resendCooldownMs(v),
      countries: v.OTP_COUNTRIES,
      defaultCountry: v.DEFAULT_COUNTRY,
      verificationTokenTtlMs: v.VERIFICATION_TOKEN_TTL,
    },
    sessions: {
      idleMs: v.SESSION_TIMEOUT,
      absoluteMs: v.SESSION_ABSOLUTE_TIMEOUT,
      maxPerUser: v.MAX_SESSIONS_PER_USER,
      accessTokenTtlMs: v.ACCESS_TOKEN_TTL,
      graceMs: REFRESH_GRACE_MS,
      unusedGraceMs: UNUSED_REFRESH_GRACE_MS,
    },
    conversions: {
      freeMonthlyUnits: v.FREE_MONTHLY_CONVERSIONS,
      maxConcurrent: v.MAX_CONCURRENT_CONVERSIONS,
      deadlineMs: v.CONVERSION_DEADLINE,
      providerTimeoutMs: v.PROVIDER_TIMEOUT,
      stageTimeoutMs: STAGE_TIMEOUT_MS,
      maxAttempts: v.CONVERSION_MAX_ATTEMPTS,
    },
    providers: toProviders(v),
    circuitBackoffMs: v.CIRCUIT_BACKOFF,
    signedUrlTtlMs: v.SIGNED_URL_TTL,
    corsOrigins: new Set(v.CORS_ORIGINS),
    adminRanges: v.ADMIN_IP_ALLOWLIST,
  };
}

const cache = new WeakMap<object, Config | ConfigError>();

/** {@link parseConfig}, once for each environment object: an isolate keeps one for its whole life. */
export function configOf(environment: object, worker: WorkerName): Config {
  let outcome = cache.get(environment);
  if (outcome === undefined) {
    try {
      outcome = parseConfig(environment, worker);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      outcome = error;
    }
    cache.set(environment, outcome);
  }
  if (outcome instanceof ConfigError) throw outcome;
  return outcome;
}
