export interface OtpMessage {
  /** E.164. */
  readonly to: string;
  readonly code: string;
  readonly ttlMs: number;
}

/** Delivers one-time codes. Never logs or returns the code. */
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
