import { z } from "zod";
import type { Config } from "../kernel/config.ts";
import { ConfigError } from "../kernel/config-error.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration such as `500ms`, `60s`, `15m`, `24h` or `30d`, read as milliseconds. */
const duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, "must be a number and a unit, such as 500ms, 60s, 15m, 24h or 30d")
  .transform((text) => {
    const unit = text.replace(/^\d+/, "") as keyof typeof UNIT_MS;
    return Number.parseInt(text, 10) * UNIT_MS[unit];
  });
const positiveDuration = duration.refine((ms) => ms > 0, "must be longer than zero");
/** For timers, which count no further than 2³¹ − 1 ms. */
const timerDuration = positiveDuration.refine((ms) => ms < 2 ** 31, "must be shorter than 24 days");

function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,12}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);
}

const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

const origin = z.string().refine((text) => {
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
}, "must list exact origins, such as https://app.example");

const country = z.string().regex(/^[A-Z]{2}$/, "must be a two-letter country code");
const secret = z.string().min(32, "must have at least 32 characters");
const httpUrl = z.url({ protocol: /^https?$/ });

const variables = z.object({
  ENVIRONMENT: z.enum(["development", "preview", "production"]),
  JWT_SECRET: secret.optional(),
  JWT_SECRET_PREVIOUS: secret.optional(),
  PASSWORD_PEPPER: z.string().min(16, "must have at least 16 characters").optional(),
  GEMINI_API_KEY: z.string().optional(),
  GEMINI_BASE_URL: httpUrl.optional(),
  GEMINI_MODEL: z.string().optional(),
  SMS_PROVIDER: z.enum(["dev", "smsir", "twilio"]).optional(),
  SMS_API_KEY: z.string().optional(),
  SMS_BASE_URL: httpUrl.optional(),
  PASSWORD_ALGORITHM: z.enum(["argon2id", "bcrypt"]).default("argon2id"),
  ARGON2_MEMORY: integer(8, 65_536).prefault("19456"),
  ARGON2_ITERATIONS: integer(1, 10).prefault("2"),
  ARGON2_PARALLELISM: integer(1, 4).prefault("1"),
  BCRYPT_COST: integer(4, 13).prefault("12"),
  OTP_TTL: positiveDuration.prefault("5m"),
  OTP_MAX_ATTEMPTS: integer(1, 100).prefault("5"),
  OTP_COUNTRIES: list.pipe(z.array(country).min(1)).prefault("IR"),
  OTP_RESEND_COOLDOWN: duration.optional(),
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
  CORS_ORIGINS: list.pipe(z.array(origin)).prefault(""),
  DEFAULT_COUNTRY: country.default("IR"),
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

function toConfig(v: z.output<typeof variables>): Config {
  const development = v.ENVIRONMENT === "development";
  const smsProvider = v.SMS_PROVIDER ?? (development ? "dev" : undefined);
  return {
    environment: v.ENVIRONMENT,
    log: { level: v.LOG_LEVEL, format: v.LOG_FORMAT ?? (development ? "pretty" : "json") },
    secrets: [v.JWT_SECRET, v.JWT_SECRET_PREVIOUS].filter((value) => value !== undefined),
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
    // Outside development nothing would be sent, and codes would lie readable in the database.
    sms: development && smsProvider === "dev" ? { kind: "dev" } : { kind: "unavailable" },
    otp: {
      ttlMs: v.OTP_TTL,
      maxAttempts: v.OTP_MAX_ATTEMPTS,
      resendCooldownMs: v.OTP_RESEND_COOLDOWN ?? (development ? 0 : 60_000),
      countries: v.OTP_COUNTRIES,
      defaultCountry: v.DEFAULT_COUNTRY,
      verificationTokenTtlMs: v.VERIFICATION_TOKEN_TTL,
    },
    sessions: {
      idleMs: v.SESSION_TIMEOUT,
      absoluteMs: v.SESSION_ABSOLUTE_TIMEOUT,
      maxPerUser: v.MAX_SESSIONS_PER_USER,
      accessTokenTtlMs: v.ACCESS_TOKEN_TTL,
    },
    conversions: {
      freeMonthlyUnits: v.FREE_MONTHLY_CONVERSIONS,
      maxConcurrent: v.MAX_CONCURRENT_CONVERSIONS,
      deadlineMs: v.CONVERSION_DEADLINE,
      providerTimeoutMs: v.PROVIDER_TIMEOUT,
      maxAttempts: v.CONVERSION_MAX_ATTEMPTS,
    },
    providers: { default: "local", available: ["local"] },
    signedUrlTtlMs: v.SIGNED_URL_TTL,
    corsOrigins: new Set(v.CORS_ORIGINS),
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
