import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { otpText } from "../../kernel/otp-text.ts";
import { SmsError } from "../../ports/sms-sender.ts";
import { createTwilio } from "./twilio.ts";
import { startTwilioFake, type TwilioFake } from "./twilio-fake.ts";

const message = { to: "+14155552671", code: "483920", ttlMs: 120_000 };
const text = "483920 is your AI Styler code. It is valid for 2 minutes. Never share it.";
const signal = new AbortController().signal;
let fake: TwilioFake;

beforeAll(async () => {
  fake = await startTwilioFake();
});

afterAll(() => fake.close());

interface Changes {
  readonly accountSid?: string;
  readonly authToken?: string;
  readonly from?: string | null;
}

function senderOf(changes: Changes = {}, account: TwilioFake = fake) {
  const { accountSid, authToken, from, url } = account;
  return createTwilio({ accountSid, authToken, from, baseUrl: url, ...changes });
}

/** The error of a message that fails, which tells nothing of the message or the key. */
async function failure(changes: Changes = {}, to = message.to) {
  const error: unknown = await senderOf(changes)
    .sendOtp({ ...message, to }, { signal })
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof SmsError)) throw new Error("expected an SmsError", { cause: error });
  const told = `${error.message}\n${error.stack}`;
  for (const secret of [message.code, to.slice(2), fake.authToken]) expect(told).not.toContain(secret);
  return error;
}

describe("createTwilio", () => {
  it("sends the form and the credentials that the Messages API takes", async () => {
    const requests: Request[] = [];
    const sender = createTwilio({
      accountSid: "AC1",
      authToken: "token-1",
      from: "+15005550006",
      baseUrl: "https://api.twilio.com",
      fetch: async (request) => {
        requests.push(request);
        return Response.json({ sid: "SM1", status: "queued" }, { status: 201 });
      },
    });
    await sender.sendOtp(message, { signal });
    const request = requests[0] as Request;
    expect(requests).toHaveLength(1);
    expect(`${request.method} ${request.url} ${request.redirect}`).toBe(
      "POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json manual",
    );
    expect(Object.fromEntries(request.headers)).toEqual({
      authorization: "Basic QUMxOnRva2VuLTE=",
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
    });
    const form = new URLSearchParams(await request.text());
    expect([...form]).toEqual([
      ["To", "+14155552671"],
      ["From", "+15005550006"],
      ["Body", text],
    ]);
  });

  it("what it sends is accepted and delivered as it is", async () => {
    await senderOf().sendOtp(message, { signal });
    expect(fake.calls.at(-1)).toMatchObject({ to: message.to, from: fake.from, body: text, code: "483920" });
  });

  it("sends through a Messaging Service where the sender is one", async () => {
    const from = `MG${"0".repeat(32)}`;
    const service = await startTwilioFake({ from });
    await senderOf({}, service).sendOtp(message, { signal });
    expect(service.calls[0]).toMatchObject({ from: null, messagingServiceSid: from });
    await service.close();
  });

  it("a sender's name that begins as a Messaging Service's sid does is a name", async () => {
    const named = await startTwilioFake({ from: "MGStyler" });
    await senderOf({}, named).sendOtp(message, { signal });
    expect(named.calls[0]).toMatchObject({ from: "MGStyler", messagingServiceSid: null });
    await named.close();
  });

  it.each([
    ["config", [20003, 20404, 21408, 21603, 21606, 21608, 21659, 21701, 21703]],
    ["rejected", [21211, 21610, 21612, 21614]],
    ["rate_limited", [20429, 21611]],
    ["unavailable", [20500, 99_999]],
  ] as const)("errors that mean %s are told so, with their code", async (expected, codes) => {
    for (const code of codes) {
      fake.script({ code });
      const error = await failure();
      expect([code, error.failure]).toEqual([code, expected]);
      expect(error.message).toBe(`twilio: HTTP 400, code ${code}`);
    }
  });

  it.each([
    [429, 20001, "rate_limited"],
    [500, 21211, "unavailable"],
    [503, 20503, "unavailable"],
    [401, 0, "config"],
  ] as const)("HTTP %i with code %i is %s", async (httpStatus, code, expected) => {
    fake.script({ code, httpStatus, retryAfterSeconds: 3 });
    expect(await failure()).toMatchObject({ failure: expected, retryAfterMs: 3_000 });
  });

  it("a message that is dead when it is created is no success", async () => {
    const body = (fields: object) => JSON.stringify({ sid: "SM1", to: message.to, body: text, ...fields });
    fake.script(
      { status: 201, body: body({ status: "failed", error_code: 30006 }) },
      { status: 201, body: body({ status: "undelivered", error_code: null }) },
    );
    expect((await failure()).failure).toBe("rejected");
    expect((await failure()).failure).toBe("unavailable");
  });

  it("quotes nothing of an answer, not even where its code should be", async () => {
    fake.script({ status: 400, body: JSON.stringify({ code: 483_920, message: `${text} ${message.to}` }) });
    expect(await failure()).toMatchObject({ failure: "unavailable", message: "twilio: HTTP 400, no code" });
  });

  it("a wrong account, token or sender is configuration", async () => {
    for (const changes of [{ accountSid: "AC2" }, { authToken: "another" }, { from: "+15005550001" }]) {
      expect((await failure(changes)).failure).toBe("config");
    }
  });

  it.each([null, ""])("the sender %j is configuration, found without asking Twilio", async (from) => {
    const before = fake.attempts();
    expect((await failure({ from })).failure).toBe("config");
    expect(fake.attempts()).toBe(before);
  });

  it("a number that is none is rejected, and the answer that quotes it isn't told", async () => {
    expect(await failure({}, "+0123456")).toMatchObject({
      failure: "rejected",
      message: "twilio: HTTP 400, code 21211",
    });
  });
});

interface BadRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly form?: Record<string, string>;
}

describe("startTwilioFake", () => {
  const good = { To: message.to, From: "+15005550006", Body: text };
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));

  it.each<[string, BadRequest, number, number]>([
    ["no credentials", { headers: { Authorization: "" } }, 401, 20003],
    ["another path", { path: "/2010-04-01/Accounts/AC2/Messages.json" }, 404, 20404],
    ["another method", { method: "PUT" }, 405, 20004],
    ["JSON", { headers: { "Content-Type": "application/json" } }, 400, 21604],
    ["no recipient", { form: without("To") }, 400, 21604],
    ["no sender", { form: without("From") }, 400, 21603],
    ["no text", { form: without("Body") }, 400, 21602],
    ["a national number", { form: { ...good, To: "09121234567" } }, 400, 21211],
    ["another sender", { form: { ...good, From: "+15005550001" } }, 400, 21659],
    ["another service", { form: { ...without("From"), MessagingServiceSid: "MG1" } }, 400, 21705],
    ["a long text", { form: { ...good, Body: "a".repeat(1601) } }, 400, 21617],
  ])("refuses %s with Twilio's own error and keeps no message", async (_what, changes, httpStatus, code) => {
    const account = `/2010-04-01/Accounts/${fake.accountSid}/Messages.json`;
    const { path = account, method = "POST", headers = {}, form = good } = changes;
    const before = fake.calls.length;
    const response = await fetch(fake.url + path, {
      method,
      headers: {
        Authorization: `Basic ${btoa(`${fake.accountSid}:${fake.authToken}`)}`,
        "Content-Type": "application/x-www-form-urlencoded",
        ...headers,
      },
      body: new URLSearchParams(form).toString(),
    });
    expect(response.status).toBe(httpStatus);
    expect(await response.json()).toMatchObject({ code, status: httpStatus });
    expect(fake.calls).toHaveLength(before);
  });
});

it.each([
  [1, "1 minute"],
  [60_000, "1 minute"],
  [60_001, "2 minutes"],
])("a code of %i ms is said to be valid for %s, rounded up", (ttlMs, said) => {
  expect(otpText({ code: "1", ttlMs })).toBe(`1 is your AI Styler code. It is valid for ${said}. Never share it.`);
});
