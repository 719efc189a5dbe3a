import type { Origin } from "../kernel/trace-context.ts";

export interface SendOptions {
  /** 0–43,200. */
  readonly delaySeconds?: number;
  /** The request the job comes from, where that is known. */
  readonly origin?: Origin | null;
}

/** Hands messages to the consumer Worker, at least once and in any order. The database row is the truth, not the message. */
export interface JobQueue {
  /** Asks for a conversion to be looked at. */
  sendConversion(conversionId: string, options?: SendOptions): Promise<void>;
}

/** Asks for messages of the SMS outbox to be sent, at least once each. */
export interface SmsQueue {
  sendSms(smsId: string, origin: Origin | null): Promise<void>;
}
