import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SmsError, type SmsSender } from "../../ports/sms-sender.ts";
import type { Fetch } from "./http-sms.ts";
import { createSmsSender } from "./sms-sender.ts";
import { createSmsIr } from "./smsir.ts";
import { type SmsIrFake, startSmsIrFake } from "./smsir-fake.ts";
import { createTwilio } from "./twilio.ts";
import { startTwilioFake, type TwilioFake } from "./twilio-fake.ts";

const message = { to: "+989121234567", code: "483920", ttlMs: 120_000 };
const running = new AbortController().signal;

interface Provider {
  readonly fake: SmsIrFake | TwilioFake;
  readonly secrets: readonly string[];
  sender(options?: { readonly baseUrl?: string; readonly fetch?: Fetch; readonly key?: string }): SmsSender;
}

async function startSmsIr(): Promise<Provider> {
  const fake = await startSmsIrFake();
  const { apiKey, templateId } = fake;
  return {
    fake,
    secrets: [apiKey],
    sender: ({ key = apiKey, ...options } = {}) =>
      createSmsIr({ apiKey: key, templateId, baseUrl: fake.url, ...options }),
  };
}

async function startTwilio(): Promise<Provider> {
  const fake = await startTwilioFake();
  const { accountSid, authToken, from } = fake;
  return {
    fake,
    secrets: [authToken, btoa(`${accountSid}:${authToken}`)],
    sender: ({ key = authToken, ...options } = {}) =>
      createTwilio({ accountSid, authToken: key, from, baseUrl: fake.url, ...options }),
  };
}

describe.each([
  ["sms.ir", startSmsIr],
  ["twilio", startTwilio],
])("%s over HTTP", (_name, start) => {
  let provider: Provider;

  beforeEach(async () => {
    provider = await start();
  });

  afterEach(() => provider.fake.close());

  /** The error of a message that fails, which tells nothing of the message or the key. */
  async function failure(sender = provider.sender(), signal = running): Promise<SmsError> {
    const error: unknown = await sender.sendOtp(message, { signal }).catch((thrown: unknown) => thrown);
    if (!(error instanceof SmsError)) throw new Error("expected an SmsError", { cause: error });
    const told = `${error.message}\n${error.stack}\n${JSON.stringify(error)}`;
    for (const secret of [message.code, "9121234567", ...provider.secrets]) expect(told).not.toContain(secret);
    expect(error.cause).toBeUndefined();
    return error;
  }

  it.each(["hang", "stall"] as const)(
    "stops waiting as soon as the signal fires when the answer is a %s",
    async (how) => {
      provider.fake.script(how);
      const started = performance.now();
      const error = await failure(provider.sender(), AbortSignal.timeout(100));
      expect(error.failure).toBe("timeout");
      expect(performance.now() - started).toBeLessThan(1_000);
    },
  );

  it("stops waiting even where the fetch ignores the signal", async () => {
    const sender = provider.sender({ fetch: () => new Promise(() => {}) });
    expect((await failure(sender, AbortSignal.timeout(20))).failure).toBe("timeout");
  });

  it("sends nothing when it is already out of time", async () => {
    expect((await failure(provider.sender(), AbortSignal.abort())).failure).toBe("timeout");
    expect(provider.fake.attempts()).toBe(0);
  });

  it("a connection that breaks is unavailable", async () => {
    provider.fake.script("reset");
    expect(await failure()).toMatchObject({ failure: "unavailable", message: expect.stringContaining("no answer") });
  });

  it("a connection that is refused is unavailable and names the network's error", async () => {
    await provider.fake.close();
    expect(await failure()).toMatchObject({ failure: "unavailable", message: expect.stringContaining("ECONNREFUSED") });
    provider = await start();
  });

  it.each([
    ["a page of HTML", "garbage"],
    ["an empty body", { status: 200, body: "" }],
    ["cut JSON", { status: 201, body: '{"sid":"SM1","status":1' }],
    ["JSON that is no object", { status: 200, body: "[1]" }],
    ["an object without what a success has", { status: 200, body: "{}" }],
    ["a server's error", { status: 503, body: "" }],
    ["a server's error that looks like a success", { status: 500, body: '{"status":1,"sid":"SM1"}' }],
  ] as const)("%s is unavailable, never a success", async (_what, answer) => {
    provider.fake.script(answer);
    expect((await failure()).failure).toBe("unavailable");
  });

  it("reads a success of 64 KiB and takes no more", async () => {
    const success = (size: number) => ({ status: 201, body: '{"status":1,"sid":"SM1"}'.padEnd(size, " ") });
    provider.fake.script(success(65_536), success(65_537), success(5_000_000));
    await provider.sender().sendOtp(message, { signal: running });
    expect((await failure()).failure).toBe("unavailable");
    expect((await failure()).failure).toBe("unavailable");
  });

  it("follows no redirect, so that the key goes nowhere else", async () => {
    const elsewhere = await start();
    const Location = `${elsewhere.fake.url}/v1/send/verify`;
    for (const status of [302, 307]) {
      provider.fake.script({ status, headers: { Location }, body: '{"status":1,"sid":"SM1"}' });
      expect(await failure()).toMatchObject({
        failure: "unavailable",
        message: expect.stringContaining(`HTTP ${status}`),
      });
    }
    expect(elsewhere.fake.attempts()).toBe(0);
    await elsewhere.fake.close();
  });

  it("reads Retry-After in seconds and as a date, and nothing else", async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    for (const value of ["7", date, "soon"]) {
      provider.fake.script({ status: 429, headers: { "Retry-After": value }, body: "" });
    }
    expect(await failure()).toMatchObject({ failure: "rate_limited", retryAfterMs: 7_000 });
    const { retryAfterMs } = await failure();
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(await failure()).toMatchObject({ failure: "rate_limited", retryAfterMs: null });
  });

  it("a key or an url that no request can be made of is configuration, and is not told", async () => {
    expect((await failure(provider.sender({ baseUrl: "no url" }))).failure).toBe("config");
    const unsendable = provider.sender({ key: `${provider.secrets[0]}\u{1F511}` });
    expect((await failure(unsendable)).failure).toBe("config");
  });

  it("keeps the path of a base url that has one", async () => {
    const asked: string[] = [];
    const fetch: Fetch = async (request) => {
      asked.push(new URL(request.url).pathname);
      return Response.json({ status: 1, sid: "SM1" });
    };
    await provider.sender({ baseUrl: "https://gateway.test/sms/", fetch }).sendOtp(message, { signal: running });
    expect(asked).toEqual([expect.stringMatching(/^\/sms\/(v1|2010-04-01)\//)]);
  });
});

it("the configuration chooses the provider", async () => {
  const [smsir, twilio] = await Promise.all([startSmsIrFake(), startTwilioFake()]);
  const { apiKey, templateId } = smsir;
  const { accountSid, authToken, from } = twilio;
  const options = { signal: running };
  await createSmsSender({ kind: "smsir", apiKey, templateId, baseUrl: smsir.url }).sendOtp(message, options);
  await createSmsSender({ kind: "twilio", accountSid, authToken, from, baseUrl: twilio.url }).sendOtp(message, options);
  expect([smsir.calls.length, twilio.calls.length]).toEqual([1, 1]);
  await Promise.all([smsir.close(), twilio.close()]);
});
