import type { CoreServices } from "../../kernel/core-services.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { PasswordHasher } from "../../ports/password-hasher.ts";
import type { RateLimiter } from "../../ports/rate-limiter.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { SmsInbox, SmsSender } from "../../ports/sms-sender.ts";
import type { AuditRepository } from "../audit/index.ts";
import type { UserRepository } from "../users/index.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { OtpRepository, SmsOutbox } from "./repository.ts";

export interface AuthDeps extends CoreServices {
  readonly accessTokens: AccessTokens;
  readonly sessions: SessionStore;
  readonly users: UserRepository;
  readonly otp: OtpRepository;
  readonly hasher: PasswordHasher;
  readonly rateLimiter: RateLimiter;
  readonly audit: AuditRepository;
  readonly outbox: OutboxRepository;
  readonly sms: SmsSender;
  readonly smsOutbox: SmsOutbox;
  readonly smsInbox: SmsInbox;
  /** Has a message of the outbox sent, without waiting for its provider. */
  readonly dispatchSms: (id: string) => Promise<void>;
}
