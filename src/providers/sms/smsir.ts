import { SmsError, type SmsSender } from "../../ports/sms-sender.ts";
import { asErrorCode, createHttpSms, type Fetch, failureTable, urlUnder } from "./http-sms.ts";

export const SMSIR_BASE_URL = "https://api.sms.ir";

const ACCEPTED = 1;

/** https://sms.ir/rest-api: the codes of the envelope. A code that isn't here, 0 for example, is `unavailable`. */
const FAILURES = failureTable({
  // The key, its IP list, the account, the plan; the sending line, credit; the template and its parameters.
  config: [10, 11, 12, 13, 14, 15, 16, 101, 102, 103, 105, 113, 114, 116, 117, 119, 123, 124],
  rejected: [104, 115],
  rate_limited: [20],
});

export interface SmsIrOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  /** A template of the account with the parameter `Code`. */
  readonly templateId: number;
  readonly fetch?: Fetch;
}

/** sms.ir serves Iran only, so its API takes numbers in the national form. */
function nationalMobile(to: string): string {
  const national = /^\+98(9\d{9})$/.exec(to)?.[1];
  if (national === undefined) throw new SmsError("rejected", "sms.ir: not an Iranian mobile number");
  return `0${national}`;
}

/** One-time codes through sms.ir, `POST /v1/send/verify`: the wording is the template's. */
export function createSmsIr({ apiKey, baseUrl, templateId, fetch }: SmsIrOptions): SmsSender {
  return createHttpSms(
    {
      name: "sms.ir",
      request: ({ to, code }) => ({
        url: urlUnder(baseUrl, "/v1/send/verify"),
        headers: { "X-API-KEY": apiKey, Accept: "application/json", "Content-Type": "application/json" },
        body: JSON.stringify({
          mobile: nationalMobile(to),
          templateId,
          parameters: [{ name: "Code", value: code }],
        }),
      }),
      // Failures come under HTTP 200 too.
      accepted: (body) => body.status === ACCEPTED,
      errorCode: (body) => asErrorCode(body.status),
      failures: FAILURES,
    },
    fetch,
  );
}
