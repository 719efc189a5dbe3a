import { type HttpFake, jsonAnswer, startHttpFake, type WireAnswer, type WireRequest } from "../http-fake.ts";

export interface TwilioCall {
  readonly to: string;
  readonly from: string | null;
  readonly messagingServiceSid: string | null;
  readonly body: string;
  /** The first run of digits of the body. */
  readonly code: string;
  readonly sid: string;
}

/** Either what goes over the wire, or one of Twilio's error codes under an HTTP status (400 where none is given). */
export type TwilioAnswer =
  | WireAnswer
  | { readonly code: number; readonly httpStatus?: number; readonly retryAfterSeconds?: number };

export interface TwilioFakeOptions {
  readonly port?: number;
  readonly accountSid?: string;
  readonly authToken?: string;
  /** The account's number or Messaging Service. */
  readonly from?: string;
}

export interface TwilioFake extends HttpFake {
  readonly accountSid: string;
  readonly authToken: string;
  readonly from: string;
  /** The accepted messages, oldest first. */
  readonly calls: readonly TwilioCall[];
  /** How many requests came, accepted or not. */
  attempts(): number;
  /** The answers to the next good requests, one each; a bad request gets the API's own error. */
  script(...answers: readonly TwilioAnswer[]): void;
}

type Account = Required<Omit<TwilioFakeOptions, "port">>;

function failure(status: number, code: number, message: string, headers?: Record<string, string>): WireAnswer {
  return jsonAnswer(
    status,
    { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
    headers,
  );
}

function checkHead({ method, path, headers }: WireRequest, account: Account): WireAnswer | null {
  const credentials = Buffer.from(`${account.accountSid}:${account.authToken}`).toString("base64");
  if (headers.authorization !== `Basic ${credentials}`) return failure(401, 20003, "Authenticate");
  if (path !== `/2010-04-01/Accounts/${account.accountSid}/Messages.json`) {
    return failure(404, 20404, `The requested resource ${path} was not found`);
  }
  return method === "POST" ? null : failure(405, 20004, "Method not allowed");
}

/** Twilio reads a form only: another content type is a request without fields. */
function formOf({ headers, body }: WireRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded(;|$)/i.test(headers["content-type"] ?? "");
  return new URLSearchParams(isForm ? body : "");
}

function checkForm(form: URLSearchParams, account: Account): Omit<TwilioCall, "sid"> | WireAnswer {
  const to = form.get("To");
  const from = form.get("From");
  const messagingServiceSid = form.get("MessagingServiceSid");
  const body = form.get("Body");
  if (!to) return failure(400, 21604, "A 'To' phone number is required.");
  if (!from && !messagingServiceSid) return failure(400, 21603, "A 'From' phone number is required.");
  if (!body) return failure(400, 21602, "Message body is required.");
  if (!/^\+[1-9]\d{6,14}$/.test(to)) return failure(400, 21211, `Invalid 'To' Phone Number: ${to}`);
  if (messagingServiceSid && messagingServiceSid !== account.from) {
    return failure(400, 21705, `The Messaging Service Sid ${messagingServiceSid} is invalid.`);
  }
  if (from && from !== account.from) {
    return failure(400, 21659, `'${from}' is not a Twilio phone number or Short Code country mismatch`);
  }
  if (body.length > 1600) return failure(400, 21617, "The concatenated message body exceeds the 1600 character limit.");
  return { to, from, messagingServiceSid, body, code: /\d+/.exec(body)?.[0] ?? "" };
}

/** The Message resource as it is created. */
function created(account: Account, call: TwilioCall): WireAnswer {
  const uri = `/2010-04-01/Accounts/${account.accountSid}/Messages/${call.sid}.json`;
  return jsonAnswer(201, {
    account_sid: account.accountSid,
    api_version: "2010-04-01",
    body: call.body,
    date_created: new Date().toUTCString(),
    date_sent: null,
    direction: "outbound-api",
    error_code: null,
    error_message: null,
    from: call.from,
    messaging_service_sid: call.messagingServiceSid,
    num_media: "0",
    num_segments: "1",
    price: null,
    price_unit: "USD",
    sid: call.sid,
    status: call.messagingServiceSid === null ? "queued" : "accepted",
    to: call.to,
    uri,
  });
}

function scriptedFailure(answer: Exclude<TwilioAnswer, WireAnswer>, to: string): WireAnswer {
  const { code, httpStatus = 400, retryAfterSeconds } = answer;
  const headers = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
  // Many of Twilio's messages quote the number.
  return failure(httpStatus, code, `The message to ${to} could not be sent`, headers);
}

/** Twilio's Messages API, which checks what it gets as the real one does and keeps the messages. */
export async function startTwilioFake(options: TwilioFakeOptions = {}): Promise<TwilioFake> {
  const account: Account = {
    accountSid: options.accountSid ?? "AC00000000000000000000000000000000",
    authToken: options.authToken ?? "twilio-fake-token",
    from: options.from ?? "+15005550006",
  };
  const calls: TwilioCall[] = [];
  const scripted: TwilioAnswer[] = [];
  let attempts = 0;
  const server = await startHttpFake(options.port ?? 0, (request) => {
    attempts++;
    const refused = checkHead(request, account);
    if (refused !== null) return refused;
    const message = checkForm(formOf(request), account);
    if (typeof message !== "object" || !("to" in message)) return message;
    const answer = scripted.shift();
    if (typeof answer === "object" && "code" in answer) return scriptedFailure(answer, message.to);
    if (answer !== undefined) return answer;
    const call = { ...message, sid: `SM${calls.length.toString(16).padStart(32, "0")}` };
    calls.push(call);
    return created(account, call);
  });
  return {
    ...server,
    ...account,
    calls,
    attempts: () => attempts,
    script: (...answers) => void scripted.push(...answers),
  };
}
