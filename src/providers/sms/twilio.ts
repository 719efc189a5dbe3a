import { otpText } from "../../kernel/otp-text.ts";
import { SmsError, type SmsSender } from "../../ports/sms-sender.ts";
import { asErrorCode, createHttpSms, type Fetch, failureTable, urlUnder } from "./http-sms.ts";

export const TWILIO_BASE_URL = "https://api.twilio.com";

/** The longest name that can stand in for a number; a Messaging Service's sid has 34 characters. */
const ALPHANUMERIC_SENDER_LENGTH = 11;

/** https://www.twilio.com/docs/api/errors. A code that isn't here goes by its HTTP status. */
const FAILURES = failureTable({
  config: [
    // The account and its keys.
    10001, 10002, 20002, 20003, 20005, 20006, 20008, 20404, 30002,
    // What an operator permits or registers: regions, numbers of a trial account, A2P campaigns.
    21408, 21608, 30032, 30034,
    // The sender.
    21212, 21601, 21603, 21606, 21607, 21659, 21660, 21661, 21701, 21703, 21704, 21705,
    // The text, which is ours.
    21602, 21604, 21605, 21617, 21618, 21619,
  ],
  rejected: [21211, 21217, 21265, 21610, 21612, 21614, 21635, 30004, 30005, 30006, 30007],
  rate_limited: [14107, 20429, 21611, 30022],
});

const DEAD_STATUSES: readonly unknown[] = ["failed", "undelivered", "canceled"];

export interface TwilioOptions {
  readonly accountSid: string;
  readonly authToken: string;
  /** A number in E.164, an alphanumeric sender, or the sid (`MG…`) of a Messaging Service. */
  readonly from: string | null;
  readonly baseUrl: string;
  readonly fetch?: Fetch;
}

function senderField(from: string | null): Record<string, string> {
  if (!from) throw new SmsError("config", "twilio: no sender is configured");
  const isService = from.startsWith("MG") && from.length > ALPHANUMERIC_SENDER_LENGTH;
  return isService ? { MessagingServiceSid: from } : { From: from };
}

/** One-time codes through Twilio's Messages API. */
export function createTwilio({ accountSid, authToken, from, baseUrl, fetch }: TwilioOptions): SmsSender {
  return createHttpSms(
    {
      name: "twilio",
      request: ({ to, code, ttlMs }) => ({
        url: urlUnder(baseUrl, `/2010-04-01/Accounts/${encodeURIComponent(accountSid)}/Messages.json`),
        headers: {
          Authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}`,
          Accept: "application/json",
          "Content-Type": "application/x-www-form-urlencoded",
        },
        body: new URLSearchParams({ To: to, ...senderField(from), Body: otpText({ code, ttlMs }) }).toString(),
      }),
      // A message can be refused by the answer that creates it.
      accepted: (body) => typeof body.sid === "string" && !DEAD_STATUSES.includes(body.status),
      errorCode: (body) => asErrorCode(body.code ?? body.error_code),
      failures: FAILURES,
    },
    fetch,
  );
}
