import type { ProviderId } from "../ports/image-generator.ts";
import type { IpRange } from "./ip.ts";
import type { LogFormat, LogLevel } from "./logger.ts";
import type { RateLimits } from "./rate-limits.ts";

export type Environment = "development" | "preview" | "production";

export type PasswordHashing =
  | {
      readonly algorithm: "argon2id";
      readonly memoryKiB: number;
      readonly iterations: number;
      readonly parallelism: number;
    }
  | { readonly algorithm: "bcrypt"; readonly cost: number };

/** How one-time codes travel. `dev` keeps them in an inbox anyone may read; `unavailable` sends none. */
export type SmsConfig =
  | { readonly kind: "dev" }
  | { readonly kind: "unavailable" }
  | { readonly kind: "smsir"; readonly apiKey: string; readonly baseUrl: string; readonly templateId: number }
  | {
      readonly kind: "twilio";
      readonly accountSid: string;
      readonly authToken: string;
      readonly from: string | null;
      readonly baseUrl: string;
    };

/** What a model asks for its work, in millionths of a US dollar for a million tokens. */
export interface TokenPrices {
  readonly inputMicros: number;
  readonly outputMicros: number;
  /** For tokens that are picture. */
  readonly imageMicros: number;
}

export interface GeminiConfig {
  readonly apiKey: string;
  /** Google's own, or an AI Gateway's. */
  readonly baseUrl: string;
  /** For an AI Gateway that wants one. */
  readonly gatewayToken: string | null;
  readonly models: Readonly<Record<"style" | "tryon", string>>;
  /** Null takes the published prices of the model, where it is a known one. */
  readonly prices: TokenPrices | null;
}

export interface WorkersAiConfig {
  readonly model: string;
  /** An AI Gateway of the account to call through; null for none. */
  readonly gateway: string | null;
  /** What one picture costs, in millionths of a US dollar. */
  readonly priceMicros: number;
}

/** Who is told what happens. Null: nobody. */
export interface TelemetryConfig {
  readonly metrics: {
    /** How long an isolate collects samples before it hands them on. */
    readonly windowMs: number;
    readonly shards: number;
    /** Who asks must know it; null lets nobody ask outside development, and everybody in it. */
    readonly token: string | null;
  };
  readonly sentry: { readonly dsn: string; readonly sampleRate: number } | null;
  readonly telegram: { readonly botToken: string; readonly chatId: string; readonly baseUrl: string } | null;
  /** Where log lines go, as far as the path of its push API; `authorization` is a whole header value. */
  readonly loki: { readonly url: string; readonly authorization: string | null } | null;
  /** Where spans go, OTLP over HTTP, as far as `/v1/traces`. */
  readonly otlp: { readonly url: string; readonly headers: Readonly<Record<string, string>> } | null;
}

/** The service's configuration in domain terms. Durations are milliseconds and end in `Ms`. */
export interface Config {
  readonly environment: Environment;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  readonly telemetry: TelemetryConfig;
  /** Master secrets; null in Workers that are not given any. */
  readonly secrets: {
    readonly active: string;
    readonly previous: string | null;
    /** Already published in the JWKS, signing nothing yet. */
    readonly next: string | null;
  } | null;
  readonly passwords: { readonly hashing: PasswordHashing; readonly pepper: string | null };
  readonly sms: SmsConfig;
  readonly limits: RateLimits;
  readonly login: {
    /** No refusal comes sooner, whatever was wrong. */
    readonly timeFloorMs: number;
  };
  readonly otp: {
    readonly ttlMs: number;
    readonly maxAttempts: number;
    readonly resendCooldownMs: number;
    readonly countries: readonly string[];
    readonly defaultCountry: string;
    readonly verificationTokenTtlMs: number;
  };
  readonly sessions: {
    readonly idleMs: number;
    readonly absoluteMs: number;
    readonly maxPerUser: number;
    readonly accessTokenTtlMs: number;
    /** For how long the previous refresh token is good for the same successor: always, and while that is unused. */
    readonly graceMs: number;
    readonly unusedGraceMs: number;
  };
  readonly conversions: {
    readonly freeMonthlyUnits: number;
    readonly maxConcurrent: number;
    readonly deadlineMs: number;
    readonly providerTimeoutMs: number;
    /** How long a stage of a job may take that is not the provider's. */
    readonly stageTimeoutMs: number;
    readonly maxAttempts: number;
  };
  readonly providers: {
    /** The first of `available`. */
    readonly default: ProviderId;
    /** In order of preference. */
    readonly available: readonly ProviderId[];
    /** Null where the provider is not set up in this Worker. */
    readonly gemini: GeminiConfig | null;
    readonly workersAi: WorkersAiConfig | null;
    /** What calls may go to outside, each with a circuit of its own; known where the keys are not. */
    readonly models: readonly { readonly provider: ProviderId; readonly model: string }[];
    /** What all calls of a UTC day may cost together, in millionths of a US dollar; null for no limit. */
    readonly dailyBudgetMicros: number | null;
  };
  /** How long a provider's circuit stays open for the first time. */
  readonly circuitBackoffMs: number;
  readonly signedUrlTtlMs: number;
  readonly corsOrigins: ReadonlySet<string>;
  /** From where admin routes may be called; empty: from everywhere. */
  readonly adminRanges: readonly IpRange[];
}
