import { expect, it } from "vitest";
import { newPhone, randomIp } from "../support/client.ts";
import { challenge, countStatuses, expectLimited, send, times, verify, wrongly } from "../support/limited.ts";
import { freezeClock, HOUR_MS, setClock } from "../support/limiter-object.ts";

/** Each test has a country to itself, since a country's count is everybody's. */
const COUNTRIES = { GB: "+447400", DE: "+4915123", FR: "+33612", ES: "+34612", IT: "+39347" } as const;
const SERVED = { OTP_COUNTRIES: ["IR", ...Object.keys(COUNTRIES)].join(",") };

/** A mobile number there that nobody else has. */
function phoneIn(country: keyof typeof COUNTRIES): string {
  const length = { GB: 6, DE: 6, FR: 6, ES: 6, IT: 7 }[country];
  const digits = [...crypto.getRandomValues(new Uint8Array(length))].map((byte) => byte % 10).join("");
  return COUNTRIES[country] + digits;
}

freezeClock();

const BY_IP = { RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "3" };

it("codes that nobody enters stop an address at its limit, exactly, for an hour", async () => {
  const ip = randomIp();
  const responses = await times(40, () => send(BY_IP, newPhone(), { ip }));
  expect(countStatuses(responses)).toEqual({ 202: 3, 429: 37 });
  expect((await send(BY_IP)).status).toBe(202);
  setClock(HOUR_MS - 1);
  expect(await expectLimited(await send(BY_IP, newPhone(), { ip }))).toBe(1);
  setClock(HOUR_MS);
  expect((await send(BY_IP, newPhone(), { ip })).status).toBe(202);
});

it("a code that is entered frees its place: who really signs up is never stopped", async () => {
  const from = { ip: randomIp() };
  for (let i = 0; i < 10; i++) {
    const attempt = await challenge(BY_IP, newPhone(), from);
    expect((await verify(BY_IP, attempt)).status).toBe(200);
  }
  expect(countStatuses(await times(10, () => send(BY_IP, newPhone(), from)))).toEqual({ 202: 3, 429: 7 });
});

it("a place is freed once, however often the code is entered, and not by a wrong one", async () => {
  const from = { ip: randomIp() };
  const [first, second] = [await challenge(BY_IP, newPhone(), from), await challenge(BY_IP, newPhone(), from)];
  await challenge(BY_IP, newPhone(), from);
  expect((await verify(BY_IP, wrongly(first))).status).toBe(400);
  expect((await send(BY_IP, newPhone(), from)).status).toBe(429);
  expect(countStatuses(await times(20, () => verify(BY_IP, second)))).toEqual({ 200: 1, 400: 19 });
  expect(countStatuses(await times(10, () => send(BY_IP, newPhone(), from)))).toEqual({ 202: 1, 429: 9 });
});

it("a place that is freed late does not free another's", async () => {
  const env = { ...BY_IP, OTP_TTL: "3h" };
  const from = { ip: randomIp() };
  const old = await challenge(env, newPhone(), from);
  setClock(HOUR_MS);
  for (let i = 0; i < 3; i++) await challenge(env, newPhone(), from);
  expect((await verify(env, old)).status).toBe(200);
  expect((await send(env, newPhone(), from)).status).toBe(429);
});

it("a resend counts like any send, and one code entered frees one place", async () => {
  const from = { ip: randomIp() };
  const phone = newPhone();
  const attempts = [await challenge(BY_IP, phone, from), await challenge(BY_IP, phone, from)];
  await challenge(BY_IP, phone, from);
  expect((await send(BY_IP, phone, from)).status).toBe(429);
  expect((await verify(BY_IP, attempts[0] as (typeof attempts)[number])).status).toBe(200);
  expect(countStatuses(await times(5, () => send(BY_IP, phone, from)))).toEqual({ 202: 1, 429: 4 });
});

const byCountry = (limit: number) => ({ ...SERVED, RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY: String(limit) });

it("codes that nobody enters stop a country at its limit, exactly, wherever they come from, and no other country", async () => {
  const responses = await times(40, () => send(byCountry(3), phoneIn("GB")));
  expect(countStatuses(responses)).toEqual({ 202: 3, 429: 37 });
  expect((await send(byCountry(3), phoneIn("DE"))).status).toBe(202);
  setClock(HOUR_MS - 1);
  expect(await expectLimited(await send(byCountry(3), phoneIn("GB")))).toBe(1);
  setClock(HOUR_MS);
  expect((await send(byCountry(3), phoneIn("GB"))).status).toBe(202);
});

it("the country's refusal counts neither for the phone nor for the address", async () => {
  const env = { ...byCountry(1), RATE_LIMIT_OTP_PER_PHONE: "1", RATE_LIMIT_OTP_PER_IP: "1" };
  const from = { ip: randomIp() };
  const phone = phoneIn("FR");
  expect((await send(env, phoneIn("FR"))).status).toBe(202);
  for (let i = 0; i < 5; i++) expect((await send(env, phone, from)).status).toBe(429);
  expect((await send({ ...env, ...byCountry(2) }, phone, from)).status).toBe(202);
});

it("codes that are entered free their places and let the country's limit grow to half of the best hour", async () => {
  const env = byCountry(3);
  for (let i = 0; i < 10; i++) {
    expect((await verify(env, await challenge(env, phoneIn("ES")))).status).toBe(200);
  }
  expect(countStatuses(await times(20, () => send(env, phoneIn("ES"))))).toEqual({ 202: 5, 429: 15 });
});

it("pumping does not raise the limit by itself", async () => {
  const env = byCountry(3);
  for (let hour = 0; hour < 3; hour++) {
    setClock(hour * HOUR_MS);
    expect(countStatuses(await times(15, () => send(env, phoneIn("IT"))))).toEqual({ 202: 3, 429: 12 });
  }
});
