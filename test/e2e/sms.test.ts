import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newPhone } from "../../scripts/api-client.ts";
import type { Variables } from "../../scripts/stack-env.ts";
import { type SmsIrFake, startSmsIrFake } from "../../src/providers/sms/smsir-fake.ts";
import { startTwilioFake, type TwilioFake } from "../../src/providers/sms/twilio-fake.ts";
import { startTestStack, type TestStack } from "./support/stack.ts";

const PASSWORD = "seven-lamps-of-architecture";
/** Two failures and their pauses take seconds; what a restart of the queue forgets, the sweep sends within a minute and a half. */
const ARRIVES_MS = 100_000;
const SENDS = 40;

/** As in production, with limits that one machine doesn't meet. */
const PRODUCTION: Variables = {
  ENVIRONMENT: "production",
  OTP_RESEND_COOLDOWN: "0s",
  RATE_LIMIT_OTP_PER_PHONE: "1000",
  RATE_LIMIT_OTP_PER_PHONE_DAY: "1000",
  RATE_LIMIT_OTP_PER_IP: "1000",
  RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "1000",
  RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY: "1000",
};

interface Sent {
  readonly to: string;
  readonly code: string;
}

interface Provider {
  readonly variables: Variables;
  readonly secret: string;
  /** The last nine digits of the recipient and the code of each message it accepted. */
  sent(): readonly Sent[];
  attempts(): number;
  /** Answers the next requests with 503. */
  fail(count: number): void;
  close(): Promise<void>;
}

const outages = (count: number) => Array.from({ length: count }, () => ({ status: 503, body: "busy" }));

async function smsIr(): Promise<Provider> {
  const fake: SmsIrFake = await startSmsIrFake();
  return {
    variables: { SMS_PROVIDER: "smsir", SMS_API_KEY: fake.apiKey, SMS_BASE_URL: fake.url },
    secret: fake.apiKey,
    sent: () => fake.calls.map(({ mobile, code }) => ({ to: mobile.slice(-9), code })),
    attempts: fake.attempts,
    fail: (count) => fake.script(...outages(count)),
    close: fake.close,
  };
}

async function twilio(): Promise<Provider> {
  const fake: TwilioFake = await startTwilioFake();
  return {
    variables: {
      SMS_PROVIDER: "twilio",
      SMS_API_KEY: `${fake.accountSid}:${fake.authToken}`,
      SMS_FROM: fake.from,
      SMS_BASE_URL: fake.url,
    },
    secret: fake.authToken,
    sent: () => fake.calls.map(({ to, code }) => ({ to: to.slice(-9), code })),
    attempts: fake.attempts,
    fail: (count) => fake.script(...outages(count)),
    close: fake.close,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

describe.each([
  ["sms.ir", smsIr],
  ["Twilio", twilio],
])("in production with %s", (_, start) => {
  let provider: Provider;
  let stack: TestStack;

  beforeAll(async () => {
    provider = await start();
    stack = await startTestStack({ ...PRODUCTION, ...provider.variables });
  });

  afterAll(async () => {
    await stack?.close();
    await provider?.close();
  });

  async function post(path: string, json: object): Promise<Response> {
    const headers = { "Content-Type": "application/json" };
    return fetch(`${stack.url}/api/auth/${path}`, { method: "POST", headers, body: JSON.stringify(json) });
  }

  /** Whether the provider has it yet: codes come after the answer. */
  async function codeFor(phone: string): Promise<string> {
    const find = () => provider.sent().find(({ to }) => to === phone.slice(-9))?.code;
    await expect.poll(find, { timeout: ARRIVES_MS, message: stack.logText() }).toMatch(/^\d{6}$/);
    return find() ?? "";
  }

  /** Signs up with the code that the provider got. */
  async function signUp(phone: string): Promise<string> {
    const purpose = "register";
    const sent = await post("send-otp", { phone, purpose });
    expect(sent.status, stack.logText()).toBe(202);
    const { challengeId } = (await sent.json()) as { challengeId: string };
    const code = await codeFor(phone);
    const verified = await post("verify-otp", { phone, purpose, challengeId, code });
    expect(verified.status).toBe(200);
    const { verificationToken } = (await verified.json()) as { verificationToken: string };
    const registered = await post("register", { verificationToken, password: PASSWORD });
    expect(registered.status).toBe(201);
    return code;
  }

  it("a person signs up with the code that came by SMS", async () => {
    const phone = newPhone();
    await signUp(phone);
    expect(provider.sent().filter(({ to }) => to === phone.slice(-9))).toHaveLength(1);
  });

  it("a code arrives, once, although the provider is down for its first two tries", async () => {
    const phone = newPhone();
    const before = provider.attempts();
    provider.fail(2);
    await signUp(phone);
    expect(provider.attempts() - before).toBe(3);
    expect(provider.sent().filter(({ to }) => to === phone.slice(-9))).toHaveLength(1);
  });

  it("no log line tells a phone, a code or the key", async () => {
    const phone = newPhone();
    provider.fail(1);
    const code = await signUp(phone);
    const log = stack.logText();
    expect(log).toContain("code delayed");
    for (const secret of [phone.slice(1), `"${code}"`, `=${code} `, provider.secret]) expect(log).not.toContain(secret);
  });

  it("neither the answer nor its time tells whether a phone has an account", async () => {
    const known = newPhone();
    await signUp(known);
    const unknown = newPhone();
    const times: Record<string, number[]> = { [known]: [], [unknown]: [] };
    const shapes = new Set<string>();
    for (let i = 0; i < 2 * SENDS + 10; i++) {
      const phone = i % 2 === 0 ? known : unknown;
      const startedAt = performance.now();
      const response = await post("send-otp", { phone, purpose: i % 4 < 2 ? "login" : "password_reset" });
      const body = await response.text();
      // The first few warm up.
      if (i >= 10) times[phone]?.push(performance.now() - startedAt);
      shapes.add(`${response.status} ${body.replace(/chl_\w{26}/, "chl")}`);
    }
    expect([...shapes]).toEqual(['202 {"challengeId":"chl","expiresIn":300,"resendAfter":0}']);
    const [ofKnown, ofUnknown] = [median(times[known] ?? []), median(times[unknown] ?? [])];
    const told = `known ${ofKnown.toFixed(1)} ms, unknown ${ofUnknown.toFixed(1)} ms`;
    expect(Math.abs(ofKnown - ofUnknown) / Math.max(ofKnown, ofUnknown), told).toBeLessThan(0.25);
    expect(provider.sent().filter(({ to }) => to === unknown.slice(-9))).toEqual([]);
  });
});
