import type { ProviderId } from "../ports/image-generator.ts";
import type { LogFormat, LogLevel } from "./logger.ts";

export type Environment = "development" | "preview" | "production";

export type PasswordHashing =
  | {
      readonly algorithm: "argon2id";
      readonly memoryKiB: number;
      readonly iterations: number;
      readonly parallelism: number;
    }
  | { readonly algorithm: "bcrypt"; readonly cost: number };

/** The service's configuration in domain terms. Durations are milliseconds and end in `Ms`. */
export interface Config {
  readonly environment: Environment;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Master secrets, the active one first; empty in Workers that are not given any. */
  readonly secrets: readonly string[];
  readonly passwords: { readonly hashing: PasswordHashing; readonly pepper: string | null };
  readonly sms: { readonly kind: "dev" } | { readonly kind: "unavailable" };
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
  };
  readonly conversions: {
    readonly freeMonthlyUnits: number;
    readonly maxConcurrent: number;
    readonly deadlineMs: number;
    readonly providerTimeoutMs: number;
    readonly maxAttempts: number;
  };
  readonly providers: { readonly default: ProviderId; readonly available: readonly ProviderId[] };
  readonly signedUrlTtlMs: number;
  readonly corsOrigins: ReadonlySet<string>;
}
