import type { CoreServices } from "../../kernel/core-services.ts";
import type { PasswordHasher } from "../../ports/password-hasher.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { SmsInbox, SmsSender } from "../../ports/sms-sender.ts";
import type { UserRepository } from "../users/index.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { OtpRepository } from "./repository.ts";

export interface AuthDeps extends CoreServices {
  readonly accessTokens: AccessTokens;
  readonly sessions: SessionStore;
  readonly users: UserRepository;
  readonly otp: OtpRepository;
  readonly hasher: PasswordHasher;
  readonly sms: SmsSender;
  readonly smsInbox: SmsInbox;
}
