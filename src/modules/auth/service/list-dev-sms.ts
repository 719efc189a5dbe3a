import type { InboxMessage } from "../../../ports/sms-sender.ts";
import type { AuthDeps } from "../deps.ts";
import { requirePhone } from "./require-phone.ts";

/** Whether messages are kept in place of being sent, and may be read by anyone. */
export function hasDevInbox({ config }: Pick<AuthDeps, "config">): boolean {
  return config.environment === "development" && config.sms.kind === "dev";
}

/** What would have been sent, newest first; to one phone where it is given. */
export function listDevSms(
  deps: Pick<AuthDeps, "config" | "smsInbox">,
  phone: string | null,
): Promise<readonly InboxMessage[]> {
  return deps.smsInbox.list(phone === null ? null : requirePhone(deps.config, phone));
}
