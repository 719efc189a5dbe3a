import type { AuditEvent } from "../../kernel/audit.ts";
import type { RateTicket } from "../../ports/rate-limiter.ts";

export const OTP_PURPOSES = ["register", "login", "password_reset"] as const;
/** What a code, and the verification token it buys, may be used for. */
export type OtpPurpose = (typeof OTP_PURPOSES)[number];

/** A take from a limit of unverified sends, given back once the code is entered. */
export interface UnverifiedTake extends RateTicket {
  readonly limit: "unverifiedPerIp" | "unverifiedPerCountry";
}

export interface NewChallenge {
  readonly id: string;
  /** Binds purpose, phone, challenge and code; see `otp-code.ts`. */
  readonly codeMac: string;
  readonly phoneMac: string;
  readonly takes: readonly UnverifiedTake[];
  /** Epoch ms. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A message to be sent, sealed: see `sealed-sms.ts`. */
export interface NewSms {
  readonly id: string;
  readonly sealed: string;
  /** From when on it may be sent. */
  readonly dueAt: number;
  readonly expiresAt: number;
  readonly createdAt: number;
}

export interface NewVerificationToken {
  /** SHA-256 of the token, lower-case hex. */
  readonly tokenHash: string;
  readonly phone: string;
  readonly purpose: OtpPurpose;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface CodeAttempt {
  readonly challengeId: string;
  /** Under every secret that is known: a change of the active one keeps live codes valid. */
  readonly phoneMacs: readonly string[];
  readonly codeMacs: readonly string[];
}

export type CodeOutcome =
  /** There is no live challenge of that id for that phone and purpose; no try was spent. */
  | { readonly kind: "no_challenge" }
  | { readonly kind: "wrong" }
  | { readonly kind: "verified"; readonly takes: readonly UnverifiedTake[]; readonly registered: boolean };

/** One-time codes and the single-use tokens they buy. Counting and using up happen in the statement that checks. */
export interface OtpRepository {
  /** The challenge, the message to send and the event, or none of them. */
  createChallenge(challenge: NewChallenge, sms: NewSms, event: AuditEvent): Promise<void>;
  /**
   * Counts one try of a live challenge and, when the code is right, uses it up and makes the token, in one transaction:
   * of parallel callers with the right code exactly one is verified, and never are more than `maxAttempts` tries
   * looked at.
   */
  consumeCode(
    attempt: CodeAttempt,
    token: NewVerificationToken,
    options: { readonly now: number; readonly maxAttempts: number; readonly event: AuditEvent },
  ): Promise<CodeOutcome>;
  /** The phone a usable token stands for, without using it up. */
  peekVerificationToken(tokenHash: string, purpose: OtpPurpose, now: number): Promise<string | null>;
  /** Uses the token up and records the event. @returns its phone to exactly one caller, null to all others. */
  consumeVerificationToken(
    tokenHash: string,
    purpose: OtpPurpose,
    options: { readonly now: number; readonly event: AuditEvent },
  ): Promise<string | null>;
}

/** Messages on their way. The row is the truth; a queue message only says which row to look at. */
export interface SmsOutbox {
  /** Takes a message that is due, until `dueAt`, and counts an attempt. @returns null when somebody else has it. */
  claim(
    id: string,
    options: { readonly now: number; readonly until: number },
  ): Promise<{ readonly sealed: string; readonly attempts: number; readonly expiresAt: number } | null>;
  postpone(id: string, dueAt: number): Promise<void>;
  /** Idempotent. */
  remove(id: string): Promise<void>;
  listDue(now: number, limit: number): Promise<readonly string[]>;
}
