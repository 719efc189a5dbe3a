/** Hands messages to the consumer Worker, at least once and in any order. The database row is the truth, not the message. */
export interface JobQueue {
  /** Asks for a conversion to be looked at, after `delaySeconds` (0–43,200). */
  sendConversion(conversionId: string, options?: { readonly delaySeconds?: number }): Promise<void>;
}

/** Asks for messages of the SMS outbox to be sent, at least once each. */
export interface SmsQueue {
  sendSms(smsId: string): Promise<void>;
}
