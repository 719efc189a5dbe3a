import { afterEach, describe, expect, it, vi } from "vitest";
import { problemOf } from "../support/app.ts";
import { appWith, countingHasher, login, setClock } from "../support/auth.ts";
import { api, newPhone, PASSWORD, signUp, verifiedPhone } from "../support/client.ts";

const WRONG = "not the password";
const MINUTE = 60_000;
const LOCKOUT = 15 * MINUTE;

afterEach(() => {
  vi.useRealTimers();
});

async function fail(phone: string, times: number, headers: Record<string, string> = {}): Promise<void> {
  for (let i = 0; i < times; i++) expect((await login({ phone, password: WRONG }, headers)).status).toBe(401);
}

/** An answer without what may differ between any two. */
async function shapeOf(response: Response): Promise<unknown> {
  const headers = [...response.headers].filter(([name]) => name !== "x-request-id" && name !== "traceparent");
  return { status: response.status, headers, problem: await problemOf(response) };
}

it("the fifth failure is still 401, the sixth attempt 429, with the right password too", async () => {
  const { phone } = await signUp();
  await fail(phone, 5);
  for (const password of [WRONG, PASSWORD]) {
    const response = await login({ phone, password });
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ code: "too_many_attempts" });
    const seconds = Number(response.headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(880);
    expect(seconds).toBeLessThanOrEqual(900);
  }
});

it("a phone is unlocked 15 minutes after its fifth failure to the millisecond, despite 100 attempts in between", async () => {
  const start = Date.now();
  setClock(start);
  const { phone } = await signUp();
  await fail(phone, 4);
  setClock(start + 10 * MINUTE);
  await fail(phone, 1);
  for (let i = 1; i <= 100; i++) {
    setClock(start + 10 * MINUTE + i * 8_999);
    expect((await login({ phone, password: i % 2 === 0 ? PASSWORD : WRONG })).status).toBe(429);
  }
  setClock(start + 10 * MINUTE + LOCKOUT - 1);
  const last = await login({ phone, password: PASSWORD });
  expect([last.status, last.headers.get("retry-after")]).toEqual([429, "1"]);
  setClock(start + 10 * MINUTE + LOCKOUT);
  expect((await login({ phone, password: PASSWORD })).status).toBe(200);
});

it("after a lock has run out the next five failures count from nothing", async () => {
  const start = Date.now();
  setClock(start);
  const phone = newPhone();
  await fail(phone, 5);
  setClock(start + LOCKOUT);
  await fail(phone, 5);
  expect((await login({ phone, password: WRONG })).status).toBe(429);
});

it("failures spread over more than the window never lock", async () => {
  const start = Date.now();
  setClock(start);
  const { phone } = await signUp();
  for (let i = 0; i < 12; i++) {
    setClock(start + i * 4 * MINUTE);
    await fail(phone, 1);
  }
  expect((await login({ phone, password: PASSWORD })).status).toBe(200);
});

it("of 100 parallel guesses five are hashed", async () => {
  const { phone } = await signUp();
  const HASHER = countingHasher();
  const app = appWith({ HASHER });
  const json = { phone, password: WRONG };
  const responses = await Promise.all(Array.from({ length: 100 }, () => app.fetch("/api/auth/login", { json })));
  await app.settled();
  const statuses = responses.map((response) => response.status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(5);
  expect(statuses.filter((status) => status === 429)).toHaveLength(95);
  expect(HASHER.calls).toEqual({ verify: 5, hash: 0 });
});

it("a phone without an account is counted and locked with the very same answers", async () => {
  setClock(Date.now());
  const [known, unknown] = [(await signUp()).phone, newPhone()];
  const shapes = async (phone: string) => {
    const answers: unknown[] = [];
    for (let i = 0; i < 7; i++) answers.push(await shapeOf(await login({ phone, password: WRONG })));
    return answers;
  };
  const expected = await shapes(known);
  expect(await shapes(unknown)).toEqual(expected);
  expect(expected[6]).toMatchObject({ status: 429 });
});

it("a success clears the count", async () => {
  const { phone } = await signUp();
  for (let round = 0; round < 3; round++) {
    await fail(phone, 4);
    expect((await login({ phone, password: PASSWORD })).status).toBe(200);
  }
});

it("attempts while locked cost no hash", async () => {
  const { phone } = await signUp();
  await fail(phone, 5);
  const HASHER = countingHasher();
  const app = appWith({ HASHER });
  for (let i = 0; i < 10; i++) {
    expect((await app.fetch("/api/auth/login", { json: { phone, password: PASSWORD } })).status).toBe(429);
  }
  expect(HASHER.calls).toEqual({ verify: 0, hash: 0 });
});

it("passwords that nobody can have are neither hashed nor counted", async () => {
  const { phone } = await signUp();
  const HASHER = countingHasher();
  const app = appWith({ HASHER });
  for (const [password, status] of [
    ["x".repeat(1_000_000), 413],
    ["x".repeat(129), 422],
    ["", 422],
    ["long enough\u0000but", 422],
    ["half a letter \ud800", 422],
  ] as const) {
    for (let i = 0; i < 6; i++) {
      expect((await app.fetch("/api/auth/login", { json: { phone, password } })).status).toBe(status);
    }
  }
  expect(HASHER.calls).toEqual({ verify: 0, hash: 0 });
  expect((await login({ phone, password: PASSWORD })).status).toBe(200);
});

it("a code signs in while the phone is locked, and ends the lock", async () => {
  const { phone } = await signUp();
  await fail(phone, 5);
  const verificationToken = await verifiedPhone(phone, "login");
  expect((await login({ verificationToken })).status).toBe(200);
  expect((await login({ phone, password: PASSWORD })).status).toBe(200);
});

it("a code resets the password while the phone is locked, and ends the lock", async () => {
  const { phone } = await signUp();
  await fail(phone, 5);
  const verificationToken = await verifiedPhone(phone, "password_reset");
  const json = { verificationToken, newPassword: "another rhubarb 8 wagons" };
  expect((await api("/api/auth/password/reset", { json })).status).toBe(204);
  expect((await login({ phone, password: json.newPassword })).status).toBe(200);
});

describe("a known device", () => {
  /** An account, and what a device was given that has signed in with it. */
  async function withDevice() {
    const account = await signUp();
    const response = await login({ phone: account.phone, password: PASSWORD });
    return { ...account, device: { "Device-Token": response.headers.get("device-token") ?? "" } };
  }

  it("gets in while strangers are locked out, and does not let them in", async () => {
    const { phone, device } = await withDevice();
    await fail(phone, 5);
    expect((await login({ phone, password: PASSWORD }, device)).status).toBe(200);
    expect((await login({ phone, password: PASSWORD })).status).toBe(429);
  });

  it("has five tries of its own, which cost strangers none", async () => {
    const { phone, device } = await withDevice();
    await fail(phone, 5, device);
    expect((await login({ phone, password: PASSWORD }, device)).status).toBe(429);
    expect((await login({ phone, password: PASSWORD })).status).toBe(200);
  });

  it.each(["login", "password_reset"] as const)(
    "is let in again once a code of purpose %s was entered",
    async (purpose) => {
      const { phone, device } = await withDevice();
      await fail(phone, 5, device);
      const verificationToken = await verifiedPhone(phone, purpose);
      if (purpose === "login") expect((await login({ verificationToken })).status).toBe(200);
      else {
        const json = { verificationToken, newPassword: PASSWORD };
        expect((await api("/api/auth/password/reset", { json })).status).toBe(204);
      }
      expect((await login({ phone, password: PASSWORD }, device)).status).toBe(200);
    },
  );

  it("keeps its token for 30 days, is given a fresh one then, and is a stranger after 180", async () => {
    const start = Date.now();
    setClock(start);
    const { phone, device } = await withDevice();
    const freshAfter = async (ms: number) => {
      setClock(start + ms);
      return (await login({ phone, password: PASSWORD }, device)).headers.get("device-token");
    };
    const DAY = 24 * 60 * MINUTE;
    expect(await freshAfter(30 * DAY - 1)).toBeNull();
    expect(await freshAfter(30 * DAY)).not.toBeNull();
    setClock(start + 180 * DAY - 1);
    await fail(phone, 5);
    expect((await login({ phone, password: PASSWORD }, device)).status).toBe(200);
    setClock(start + 180 * DAY);
    expect((await login({ phone, password: PASSWORD }, device)).status).toBe(429);
  });

  it("is one phone's: a token of another phone, altered or made up is ignored", async () => {
    const [{ phone, device }, other] = [await withDevice(), await withDevice()];
    const token = device["Device-Token"];
    const [id = "", issued = "", mac = ""] = token.split(".");
    await fail(phone, 5);
    for (const forged of [
      other.device["Device-Token"],
      `${id}.${Number(issued) + 1}.${mac}`,
      `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}.${issued}.${mac}`,
      `${id}.${issued}.${mac.startsWith("A") ? "B" : "A"}${mac.slice(1)}`,
      `${id}.${issued}`,
      `${token}.`,
      "x".repeat(5000),
    ]) {
      const response = await login({ phone, password: PASSWORD }, { "Device-Token": forged });
      expect(response.status, forged).toBe(429);
    }
    expect((await login({ phone, password: PASSWORD }, device)).status).toBe(200);
  });
});

describe("one address", () => {
  const LIMIT = { RATE_LIMIT_LOGIN_PER_IP: "20" };

  it("may fail 20 times whatever the phone, and successes cost nothing", async () => {
    const { phone } = await signUp();
    const HASHER = countingHasher();
    const app = appWith({ ...LIMIT, HASHER });
    const headers = { "CF-Connecting-IP": "198.51.100.7" };
    const attempt = (json: object) => app.fetch("/api/auth/login", { json, headers });
    for (let i = 0; i < 20; i++) {
      expect((await attempt({ phone: newPhone(), password: WRONG })).status).toBe(401);
      if (i === 19) break;
      expect((await attempt({ phone, password: PASSWORD })).status).toBe(200);
      await app.settled();
    }
    const before = HASHER.calls.verify;
    const refused = await attempt({ phone, password: PASSWORD });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: "rate_limited" });
    expect(HASHER.calls.verify).toBe(before);
    const elsewhere = { "CF-Connecting-IP": "198.51.100.8" };
    expect(
      (await app.fetch("/api/auth/login", { json: { phone, password: PASSWORD }, headers: elsewhere })).status,
    ).toBe(200);
  });

  it("is not charged for attempts that a lock refused", async () => {
    const locked = newPhone();
    await fail(locked, 5);
    const app = appWith(LIMIT);
    const headers = { "CF-Connecting-IP": "198.51.100.9" };
    for (let i = 0; i < 30; i++) {
      const response = await app.fetch("/api/auth/login", { json: { phone: locked, password: WRONG }, headers });
      expect(await response.json()).toMatchObject({ code: "too_many_attempts" });
    }
  });
});

describe("outages", () => {
  const broken = () => Promise.reject(new Error("inner secret"));

  it("without the limiter nobody is let in: 503, and nothing is hashed", async () => {
    const { phone } = await signUp();
    const HASHER = countingHasher();
    const app = appWith({ HASHER, RATE_LIMITER: { getByName: () => ({ take: broken }) } });
    const response = await app.fetch("/api/auth/login", { json: { phone, password: PASSWORD } });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await response.text()).not.toContain("inner secret");
    expect(HASHER.calls).toEqual({ verify: 0, hash: 0 });
  });

  it("without the hasher the answer is 503 and the attempt does not count", async () => {
    const { phone } = await signUp();
    const app = appWith({ HASHER: countingHasher({ verify: broken }) });
    for (let i = 0; i < 8; i++) {
      expect((await app.fetch("/api/auth/login", { json: { phone, password: WRONG } })).status).toBe(503);
    }
    await fail(phone, 5);
    expect((await login({ phone, password: WRONG })).status).toBe(429);
  });
});
