import { describe, expect, it } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import { problemOf } from "../support/app.ts";
import { api, newPhone, PASSWORD, randomIp, signUp } from "../support/client.ts";
import { challenge, countStatuses, expectLimited, times, verify, wrongCodes, wrongly } from "../support/limited.ts";
import { DAY_MS, freezeClock, HOUR_MS, setClock } from "../support/limiter-object.ts";

freezeClock();

const unknown = (phone: string) => ({
  phone,
  purpose: "register" as const,
  challengeId: newId("chl", Date.now()),
  code: "123456",
});

describe("wrong codes from one address", () => {
  const env = { RATE_LIMIT_VERIFY_PER_IP: "5" };

  it("of 60 in parallel, for as many phones as it takes, exactly five are looked at", async () => {
    const ip = randomIp();
    const attempts = await times(15, () => challenge());
    const guesses = attempts.flatMap((attempt) => wrongCodes(attempt.code, 4).map((code) => ({ ...attempt, code })));
    const responses = await Promise.all(guesses.map((guess) => verify(env, guess, { ip })));
    expect(countStatuses(responses)).toEqual({ 400: 5, 429: 55 });
    const refused = responses.find((response) => response.status === 429);
    expect(refused?.headers.get("ratelimit-policy")).toBe('"verify-ip";q=5;w=3600');
    expect(refused?.headers.get("ratelimit")).toBe('"verify-ip";r=0;t=3600');
    expect(await expectLimited(refused as Response)).toBe(3600);
  });

  it("then the right code is refused there for an hour, and accepted from elsewhere", async () => {
    const ip = randomIp();
    const long = { ...env, OTP_TTL: "2h" };
    const [here, there] = [await challenge(long), await challenge(long)];
    for (let i = 0; i < 5; i++) await verify(env, wrongly(await challenge()), { ip });
    expect((await verify(env, there, { ip })).status).toBe(429);
    expect((await verify(env, there)).status).toBe(200);
    setClock(HOUR_MS - 1);
    expect(await expectLimited(await verify(env, here, { ip }))).toBe(1);
    setClock(HOUR_MS);
    expect((await verify(env, here, { ip })).status).toBe(200);
  });

  it("right codes don't count", async () => {
    const ip = randomIp();
    for (let i = 0; i < 8; i++) expect((await verify(env, await challenge(), { ip })).status).toBe(200);
  });

  it("unknown challenges count, for it takes no code to make one up", async () => {
    const ip = randomIp();
    const responses = await times(20, () => verify(env, unknown(newPhone()), { ip }));
    expect(countStatuses(responses)).toEqual({ 400: 5, 429: 15 });
  });
});

describe("wrong codes for one phone", () => {
  const env = { RATE_LIMIT_VERIFY_PER_PHONE_DAY: "7" };

  it("from as many addresses as it takes and over several challenges, exactly seven a day are looked at", async () => {
    const phone = newPhone();
    const attempts = [await challenge({}, phone), await challenge({}, phone), await challenge({}, phone)];
    const guesses = attempts.flatMap((attempt) => wrongCodes(attempt.code, 5).map((code) => ({ ...attempt, code })));
    const responses = await Promise.all(guesses.map((guess) => verify(env, guess)));
    expect(countStatuses(responses)).toEqual({ 400: 7, 429: 8 });
    const right = await challenge({ OTP_TTL: "30h" }, phone);
    expect(await expectLimited(await verify(env, right))).toBe(DAY_MS / 1000);
    setClock(DAY_MS - 1);
    expect((await verify(env, right)).status).toBe(429);
    setClock(DAY_MS);
    expect((await verify(env, right)).status).toBe(200);
  });

  it("right codes and unknown challenges don't count: nobody can lock a phone out without a code for it", async () => {
    const phone = newPhone();
    expect(countStatuses(await times(30, () => verify(env, unknown(phone))))).toEqual({ 400: 7, 429: 23 });
    for (let i = 0; i < 8; i++) expect((await verify(env, unknown(phone))).status).toBe(400);
    for (let i = 0; i < 8; i++) expect((await verify(env, await challenge({}, phone))).status).toBe(200);
  });

  it("guesses of strangers don't count for a device the phone has been used on, which has as many of its own", async () => {
    const { phone } = await signUp();
    const signedIn = await api("/api/auth/login", { json: { phone, password: PASSWORD } });
    const headers = { "Device-Token": signedIn.headers.get("Device-Token") ?? "" };
    const two = { RATE_LIMIT_VERIFY_PER_PHONE_DAY: "2" };
    const strangers = await challenge({}, phone);
    for (const code of wrongCodes(strangers.code, 2)) await verify(two, { ...strangers, code });
    const attempt = await challenge({}, phone);
    await expectLimited(await verify(two, attempt));
    for (const code of wrongCodes(attempt.code, 2)) {
      expect((await verify(two, { ...attempt, code }, { headers })).status).toBe(400);
    }
    await expectLimited(await verify(two, attempt, { headers }));
  });

  it("no answer to a guess differs by what the phone has left", async () => {
    const attempt = await challenge();
    const told: object[] = [];
    for (const code of wrongCodes(attempt.code, 4)) {
      const response = await verify(env, { ...attempt, code });
      const headers = [...response.headers].filter(([name]) => name !== "x-request-id" && name !== "traceparent");
      told.push({ status: response.status, headers, body: await problemOf(response) });
    }
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(JSON.stringify(told[0])).not.toMatch(/phone/i);
  });

  it("the refusal tells what the address has left, and nothing of the phone", async () => {
    const none = { RATE_LIMIT_VERIFY_PER_PHONE_DAY: "0", RATE_LIMIT_VERIFY_PER_IP: "20" };
    const refused = await verify(none, unknown(newPhone()));
    expect(refused.headers.get("ratelimit-policy")).toBe('"verify-ip";q=20;w=3600');
    expect(JSON.stringify([...refused.headers])).not.toMatch(/phone/i);
    await expectLimited(refused);
  });

  it("what the phone's limit refuses does not count for the address, and the other way round", async () => {
    const both = { RATE_LIMIT_VERIFY_PER_PHONE_DAY: "1", RATE_LIMIT_VERIFY_PER_IP: "2" };
    const [ip, full] = [randomIp(), randomIp()];
    const [spent, fresh] = [newPhone(), newPhone()];
    await verify(both, wrongly(await challenge({}, spent)));
    for (let i = 0; i < 5; i++) expect((await verify(both, unknown(spent), { ip })).status).toBe(429);
    const attempt = await challenge({}, fresh);
    for (let i = 0; i < 2; i++) await verify(both, unknown(newPhone()), { ip: full });
    for (let i = 0; i < 5; i++) expect((await verify(both, wrongly(attempt), { ip: full })).status).toBe(429);
    expect((await verify(both, wrongly(attempt), { ip })).status).toBe(400);
  });

  it("a malformed attempt counts nowhere", async () => {
    const once = { RATE_LIMIT_VERIFY_PER_PHONE_DAY: "1", RATE_LIMIT_VERIFY_PER_IP: "1" };
    const ip = randomIp();
    const attempt = await challenge();
    for (const code of ["12345", "1234567", "abcdef"]) {
      expect((await verify(once, { ...attempt, code }, { ip })).status).toBe(422);
    }
    expect((await verify(once, attempt, { ip })).status).toBe(200);
  });
});
