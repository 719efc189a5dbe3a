import type { SmsConfig } from "../../kernel/config.ts";
import type { SmsSender } from "../../ports/sms-sender.ts";
import { createSmsIr } from "./smsir.ts";
import { createTwilio } from "./twilio.ts";

/** The provider that the configuration names. */
export function createSmsSender(config: Extract<SmsConfig, { kind: "smsir" | "twilio" }>): SmsSender {
  switch (config.kind) {
    case "smsir":
      return createSmsIr(config);
    case "twilio":
      return createTwilio(config);
  }
}
