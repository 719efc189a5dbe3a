export interface OtpMessage {
  /** E.164. */
  readonly to: string;
  readonly code: string;
  readonly ttlMs: number;
}

/**
 * Delivers one-time codes. Never logs or returns the code. Returns once the message is handed over, without waiting for
 * a provider: how long an answer takes must not tell whether a message went out.
 */
export interface SmsSender {
  sendOtp(message: OtpMessage): Promise<void>;
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
