export const OTP_PURPOSES = ["register", "login", "password_reset"] as const;
/** What a code, and the verification token it buys, may be used for. */
export type OtpPurpose = (typeof OTP_PURPOSES)[number];

export interface NewChallenge {
  readonly id: string;
  /** Binds purpose, phone, challenge and code; see `otp-code.ts`. */
  readonly codeMac: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface NewVerificationToken {
  /** SHA-256 of the token, lower-case hex. */
  readonly tokenHash: string;
  readonly phone: string;
  readonly purpose: OtpPurpose;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** One-time codes and the single-use tokens they buy. Counting and using up happen in the statement that checks. */
export interface OtpRepository {
  createChallenge(challenge: NewChallenge): Promise<void>;
  /**
   * Counts one try of a live challenge and uses it up when its MAC is one of `macs`, in one statement: of parallel
   * callers with the right code exactly one gets true, and never are more than `maxAttempts` tries looked at.
   */
  consumeCode(
    challengeId: string,
    macs: readonly string[],
    options: { readonly now: number; readonly maxAttempts: number },
  ): Promise<boolean>;
  createVerificationToken(token: NewVerificationToken): Promise<void>;
  /** The phone a usable token stands for, without using it up. */
  peekVerificationToken(tokenHash: string, purpose: OtpPurpose, now: number): Promise<string | null>;
  /** Uses the token up. @returns its phone to exactly one caller, null to all others. */
  consumeVerificationToken(tokenHash: string, purpose: OtpPurpose, now: number): Promise<string | null>;
}
