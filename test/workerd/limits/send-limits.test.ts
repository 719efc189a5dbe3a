import { describe, expect, it } from "vitest";
import { newPhone, randomIp } from "../support/client.ts";
import { countStatuses, expectLimited, send, sendsWritten, times } from "../support/limited.ts";
import { DAY_MS, freezeClock, HOUR_MS, MINUTE_MS, setClock } from "../support/limiter-object.ts";

/** Three sends a phone and an hour, as in production and development; the tests' own environment has it wide. */
const THREE = { RATE_LIMIT_OTP_PER_PHONE: "3" };
const PURPOSES = ["register", "login", "password_reset"] as const;

freezeClock();

/** The status of one send more. */
const statusOf = async (env: object, phone: string, ip = randomIp()) => (await send(env, phone, { ip })).status;

describe("sends to one phone", () => {
  it("of 200 in parallel, of every purpose and from as many addresses, exactly three get through", async () => {
    const phone = newPhone();
    const before = await sendsWritten();
    const responses = await times(200, (i) => send(THREE, phone, { purpose: PURPOSES[i % 3] }));
    expect(countStatuses(responses)).toEqual({ 202: 3, 429: 197 });
    expect((await sendsWritten()).challenges - before.challenges).toBe(3);
  });

  it("of 200 in parallel from one address exactly three get through, too", async () => {
    const [phone, ip] = [newPhone(), randomIp()];
    expect(countStatuses(await times(200, () => send(THREE, phone, { ip })))).toEqual({ 202: 3, 429: 197 });
  });

  it("every writing of the number counts as one phone", async () => {
    const national = newPhone().slice(3);
    const inScript = (zero: number) =>
      [...`0${national}`].map((digit) => String.fromCodePoint(zero + Number(digit))).join("");
    const writings = [`+98${national}`, `0${national}`, `0098${national}`, `98${national}`];
    writings.push(inScript(0x06f0), inScript(0x0660), inScript(0xff10));
    writings.push(`+98 (${national.slice(0, 3)}) ${national.slice(3, 6)}-${national.slice(6)}`);
    const responses = await Promise.all(writings.map((writing) => send(THREE, writing)));
    expect(countStatuses(responses)).toEqual({ 202: 3, 429: writings.length - 3 });
  });

  it("the fourth is refused a millisecond before the hour is over and sent at its end", async () => {
    const phone = newPhone();
    for (let i = 0; i < 3; i++) {
      setClock(i * MINUTE_MS);
      expect(await statusOf(THREE, phone)).toBe(202);
    }
    expect(await expectLimited(await send(THREE, phone))).toBe(58 * 60);
    for (let minute = 5; minute < 60; minute += 5) {
      setClock(minute * MINUTE_MS);
      expect(await statusOf(THREE, phone)).toBe(429);
    }
    setClock(HOUR_MS - 1);
    expect(await expectLimited(await send(THREE, phone))).toBe(1);
    setClock(HOUR_MS);
    expect(await statusOf(THREE, phone)).toBe(202);
    expect(await statusOf(THREE, phone)).toBe(429);
  });

  it("one a cooldown, of any purpose: the wait is told, and what comes meanwhile extends nothing", async () => {
    const env = { OTP_RESEND_COOLDOWN: "60s" };
    const phone = newPhone();
    const responses = await times(30, (i) => send(env, phone, { purpose: PURPOSES[i % 3] }));
    expect(countStatuses(responses)).toEqual({ 202: 1, 429: 29 });
    setClock(59_999);
    expect(await expectLimited(await send(env, phone))).toBe(1);
    setClock(60_000);
    expect(await statusOf(env, phone)).toBe(202);
    expect(await expectLimited(await send(env, phone))).toBe(60);
  });

  it("no more than the day's number, hour after hour", async () => {
    const env = { ...THREE, RATE_LIMIT_OTP_PER_PHONE_DAY: "10" };
    const phone = newPhone();
    const sent: number[] = [];
    for (let hour = 0; hour < 5; hour++) {
      setClock(hour * HOUR_MS);
      sent.push(countStatuses(await times(5, () => send(env, phone)))[202] ?? 0);
    }
    expect(sent).toEqual([3, 3, 3, 1, 0]);
    setClock(DAY_MS - 1);
    expect(await expectLimited(await send(env, phone))).toBe(1);
    setClock(DAY_MS);
    expect(countStatuses(await times(5, () => send(env, phone)))[202]).toBe(3);
  });
});

describe("sends from one address", () => {
  it("of 130 in parallel to as many phones exactly 100 get through; the rest learn the wait and the policy", async () => {
    const ip = randomIp();
    const responses = await times(130, () => send({}, newPhone(), { ip }));
    expect(countStatuses(responses)).toEqual({ 202: 100, 429: 30 });
    const refused = responses.filter((response) => response.status === 429);
    for (const response of refused) {
      expect(response.headers.get("ratelimit-policy")).toBe('"otp-ip";q=100;w=3600');
      expect(response.headers.get("ratelimit")).toBe('"otp-ip";r=0;t=3600');
      expect(await expectLimited(response)).toBe(3600);
    }
    const left = responses
      .filter((response) => response.status === 202)
      .map((response) => Number(/r=(\d+);/.exec(response.headers.get("ratelimit") ?? "")?.[1]));
    expect(left.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await statusOf({}, newPhone())).toBe(202);
    setClock(HOUR_MS);
    expect(await statusOf({}, newPhone(), ip)).toBe(202);
  });

  it("what the phone's limit refuses does not count for the address", async () => {
    const env = { RATE_LIMIT_OTP_PER_PHONE: "1", RATE_LIMIT_OTP_PER_IP: "3" };
    const [ip, phone] = [randomIp(), newPhone()];
    expect(await statusOf(env, phone, ip)).toBe(202);
    for (let i = 0; i < 10; i++) expect(await statusOf(env, phone, ip)).toBe(429);
    expect(await statusOf(env, newPhone(), ip)).toBe(202);
    expect(await statusOf(env, newPhone(), ip)).toBe(202);
    expect(await statusOf(env, newPhone(), ip)).toBe(429);
  });

  it("what the address's limit refuses does not count for the phone", async () => {
    const env = { ...THREE, RATE_LIMIT_OTP_PER_IP: "1" };
    const [ip, phone] = [randomIp(), newPhone()];
    expect(await statusOf(env, newPhone(), ip)).toBe(202);
    expect(countStatuses(await times(20, () => send(env, phone, { ip })))).toEqual({ 429: 20 });
    expect(countStatuses(await times(5, () => send(env, phone)))).toEqual({ 202: 3, 429: 2 });
  });
});

it("what is malformed counts neither for the address nor for the phone", async () => {
  const env = { RATE_LIMIT_OTP_PER_PHONE: "1", RATE_LIMIT_OTP_PER_IP: "1", RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "1" };
  const [ip, phone] = [randomIp(), newPhone()];
  const refused = [
    await send(env, phone.slice(3), { ip }),
    await send(env, phone, { ip, purpose: "admin" }),
    await send(env, `${phone};ext=5`, { ip }),
    await send(env, [phone], { ip }),
  ];
  expect(countStatuses(refused)).toEqual({ 422: refused.length });
  expect(await statusOf(env, phone, ip)).toBe(202);
});

it("a phone of a country that is not served is refused before anything is counted or written", async () => {
  const env = { RATE_LIMIT_OTP_PER_IP: "1", RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "1" };
  const ip = randomIp();
  const before = await sendsWritten();
  // Another country, a premium number, and one that is charged where it is called from.
  for (const phone of ["+447400123456", "+989091234567", "+882161234567", "+8835100012345"]) {
    expect((await send(env, phone, { ip })).status, phone).toBe(422);
  }
  expect(await sendsWritten()).toEqual(before);
  expect(await statusOf(env, newPhone(), ip)).toBe(202);
});

describe("what strangers are told", () => {
  /** Everything of an answer but what may differ between any two. */
  async function told(response: Response): Promise<{ headers: [string, string][]; fields: string[] }> {
    const headers = [...response.headers].filter(([name]) => name !== "x-request-id" && name !== "traceparent");
    return { headers, fields: Object.keys((await response.json()) as object).sort() };
  }

  it("no answer to a send differs by what the phone has left", async () => {
    const phone = newPhone();
    const used = [await told(await send(THREE, phone)), await told(await send(THREE, phone))];
    const last = await told(await send(THREE, phone));
    const fresh = await told(await send(THREE, newPhone()));
    for (const answer of [...used, last]) expect(answer).toEqual(fresh);
    expect(JSON.stringify(fresh)).not.toMatch(/phone|otp-unverified|country/i);
  });

  it("a refusal names no policy but the address's own", async () => {
    const phone = newPhone();
    const refusals = [
      await send({ RATE_LIMIT_OTP_PER_PHONE: "0" }, phone),
      await send({ RATE_LIMIT_OTP_PER_PHONE_DAY: "0" }, phone),
      await send({ RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "0" }, phone),
      await send({ RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY: "0" }, phone),
    ];
    for (const refusal of refusals) {
      expect(refusal.headers.get("ratelimit-policy")).toBe('"otp-ip";q=100;w=3600');
      expect(JSON.stringify([...refusal.headers])).not.toMatch(/phone|unverified|country/i);
      await expectLimited(refusal);
    }
  });
});
