export interface OtpMessage {
  /** E.164. */
  readonly to: string;
  readonly code: string;
  readonly ttlMs: number;
}

/**
 * Why a message was not handed over. The class alone decides what follows: `rejected` is this number or message and is
 * never tried again, `config` is the key, template or sender and needs an operator, the others are retried.
 */
export const SMS_FAILURES = ["rejected", "unavailable", "rate_limited", "timeout", "config"] as const;
export type SmsFailure = (typeof SMS_FAILURES)[number];

/**
 * Thrown by {@link SmsSender.sendOtp}. `message` is for operators and never contains the code, the whole phone or the
 * key. There is no cause: what a fetch or a parser throws quotes the request or the answer.
 */
export class SmsError extends Error {
  override readonly name = "SmsError";
  readonly failure: SmsFailure;
  /** When the provider said how long to wait. */
  readonly retryAfterMs: number | null;

  constructor(failure: SmsFailure, message: string, options: { readonly retryAfterMs?: number | null } = {}) {
    super(message);
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** Delivers one-time codes. Never logs or returns the code. */
export interface SmsSender {
  /**
   * Hands the message to the provider. Aborts promptly when `signal` fires.
   * @throws {SmsError} for every failure.
   */
  sendOtp(message: OtpMessage, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** A message the development provider kept instead of sending. */
export interface InboxMessage {
  readonly to: string;
  readonly text: string;
  readonly code: string;
  /** Epoch ms. */
  readonly sentAt: number;
}

export interface SmsInbox {
  /** The newest 50 messages, newest first; of one recipient where `to` (E.164) is given. */
  list(to: string | null): Promise<readonly InboxMessage[]>;
}
