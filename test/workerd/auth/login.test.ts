import { eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { createD1UserRepository } from "../../../src/db/d1/repositories/users.ts";
import { users } from "../../../src/db/d1/schema/index.ts";
import { sleep } from "../../../src/kernel/clock.ts";
import { createPasswordHasher } from "../../../src/providers/argon2/password-hasher.ts";
import { apiWith, issuePaths, problemOf } from "../support/app.ts";
import { appWith, login } from "../support/auth.ts";
import { api, newPhone, PASSWORD, type Session, signUp, verifiedPhone } from "../support/client.ts";
import { bindings, db } from "../support/database.ts";

async function storedHash(userId: string): Promise<string> {
  const [row] = await db.select().from(users).where(eq(users.id, userId));
  return row?.passwordHash ?? "";
}

async function storeHash(userId: string, passwordHash: string): Promise<void> {
  await db.update(users).set({ passwordHash }).where(eq(users.id, userId));
}

/** A hasher that tells what it was asked. */
function spyHasher(calls: (string | null)[], change: Partial<TestEnv["HASHER"]> | object = {}) {
  return {
    hash: (password: string) => bindings.HASHER.hash(password),
    verify: (password: string, stored: string | null) => {
      calls.push(stored);
      return bindings.HASHER.verify(password, stored);
    },
    ...change,
  };
}

it("phone and password sign in, in a session of its own, however the phone is written", async () => {
  const account = await signUp();
  const response = await login({ phone: `0${account.phone.slice(3)}`, password: PASSWORD });
  expect(response.status).toBe(200);
  const session = (await response.json()) as Session;
  expect(session.user).toEqual(account.user);
  expect(session.sessionId).not.toBe(account.sessionId);
  for (const token of [session.accessToken, account.accessToken]) {
    expect((await api("/api/users/me", { token })).status).toBe(200);
  }
});

it("a verified phone signs in, and its token works once however many use it at a time", async () => {
  const account = await signUp();
  const verificationToken = await verifiedPhone(account.phone, "login");
  const responses = await Promise.all(Array.from({ length: 20 }, () => login({ verificationToken })));
  const statuses = responses.map((response) => response.status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 401)).toHaveLength(19);
});

it("whatever is wrong, the answer is the same 401", async () => {
  const account = await signUp();
  const disabled = await signUp();
  await db.update(users).set({ status: "disabled" }).where(eq(users.id, disabled.userId));
  const attempts = [
    { phone: account.phone, password: "not the password" },
    { phone: newPhone(), password: PASSWORD },
    { phone: disabled.phone, password: PASSWORD },
    { phone: account.phone, password: "x" },
    { verificationToken: "nonsense" },
    { verificationToken: await verifiedPhone(newPhone(), "register") },
    { verificationToken: await verifiedPhone(account.phone, "password_reset") },
    { verificationToken: await verifiedPhone(disabled.phone, "login") },
  ];
  const problems = new Set<string>();
  for (const attempt of attempts) {
    const response = await login(attempt);
    expect(response.status, JSON.stringify(attempt)).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    problems.add(JSON.stringify(await problemOf(response)));
  }
  expect(problems.size).toBe(1);
  expect([...problems][0]).toContain('"code":"invalid_credentials"');
});

it("an unknown phone costs a dummy verification", async () => {
  const calls: (string | null)[] = [];
  const json = { phone: newPhone(), password: PASSWORD };
  const response = await apiWith({ HASHER: spyHasher(calls) }, "/api/auth/login", { json });
  expect(response.status).toBe(401);
  expect(calls).toEqual([null]);
});

it("a body is phone and password or a token, and says what is missing or too much", async () => {
  const { phone } = await signUp();
  const verificationToken = await verifiedPhone(phone, "login");
  for (const [body, paths] of [
    [{}, ["password", "phone"]],
    [{ phone }, ["password"]],
    [{ password: PASSWORD }, ["phone"]],
    [{ phone, verificationToken }, ["phone"]],
    [{ phone, password: PASSWORD, verificationToken }, ["password", "phone"]],
    [{ phone: "9123456789", password: PASSWORD }, ["phone"]],
    [{ phone, password: "" }, ["password"]],
    [{ phone, password: "a\u0000b" }, ["password"]],
    [{ phone, password: "x".repeat(129) }, ["password"]],
    [{ phone, password: PASSWORD, role: "admin" }, ["role"]],
    [{ phone, password: [PASSWORD] }, ["password"]],
  ] as const) {
    const response = await login(body);
    expect(response.status, JSON.stringify(body)).toBe(422);
    expect(await issuePaths(response)).toEqual([...paths]);
  }
  expect((await login({ verificationToken })).status).toBe(200);
});

it.each([
  ["Argon2id with other parameters", { algorithm: "argon2id", memoryKiB: 128, iterations: 2, parallelism: 1 }],
  ["bcrypt", { algorithm: "bcrypt", cost: 4 }],
] as const)("an old hash, %s, signs in and is replaced by today's", async (_, hashing) => {
  const { userId, phone } = await signUp();
  const old = await createPasswordHasher({ hashing, pepper: null }).hash(PASSWORD);
  await storeHash(userId, old);
  const json = { phone, password: PASSWORD };
  expect((await apiWith({}, "/api/auth/login", { json: { phone, password: "not the password" } })).status).toBe(401);
  expect(await storedHash(userId)).toBe(old);
  expect((await apiWith({}, "/api/auth/login", { json })).status).toBe(200);
  const renewed = await storedHash(userId);
  expect(renewed).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
  expect((await apiWith({}, "/api/auth/login", { json })).status).toBe(200);
  expect(await storedHash(userId)).toBe(renewed);
});

it("renewing a hash never overwrites a password that was changed meanwhile", async () => {
  const { userId } = await signUp();
  const repository = createD1UserRepository(db);
  const seen = await storedHash(userId);
  await storeHash(userId, "changed");
  expect(await repository.replacePasswordHash(userId, seen, "renewed")).toBe(false);
  expect(await storedHash(userId)).toBe("changed");
  expect(await repository.replacePasswordHash(userId, "changed", "renewed")).toBe(true);
});

it("a renewal that fails does not fail the login", async () => {
  const { userId, phone } = await signUp();
  await storeHash(
    userId,
    await createPasswordHasher({ hashing: { algorithm: "bcrypt", cost: 4 }, pepper: null }).hash(PASSWORD),
  );
  const HASHER = spyHasher([], { hash: () => Promise.reject(new Error("overloaded")) });
  const response = await apiWith({ HASHER }, "/api/auth/login", { json: { phone, password: PASSWORD } });
  expect(response.status).toBe(200);
});

it("a 73-byte password that shares 72 bytes with a bcrypt hash's is refused", async () => {
  const { userId, phone } = await signUp();
  const password = "seventy-two bytes of password ".padEnd(72, "x");
  await storeHash(
    userId,
    await createPasswordHasher({ hashing: { algorithm: "bcrypt", cost: 4 }, pepper: null }).hash(password),
  );
  expect((await login({ phone, password: `${password}y` })).status).toBe(401);
  expect((await login({ phone, password })).status).toBe(200);
});

it("when hasher or sessions can't be asked the answer is 503, and shows nothing of why", async () => {
  const { phone, token } = await signUp();
  const json = { phone, password: PASSWORD };
  const broken = () => Promise.reject(new Error("inner secret"));
  const HASHER = { verify: broken };
  const USER_SESSIONS = { getByName: () => ({ open: broken, check: broken }) };
  for (const response of [
    await apiWith({ HASHER, LOG_FORMAT: "json" }, "/api/auth/login", { json }),
    await apiWith({ USER_SESSIONS }, "/api/auth/login", { json }),
    await apiWith({ USER_SESSIONS }, "/api/users/me", { token }),
  ]) {
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    const body = await response.text();
    expect(body).toContain("service_unavailable");
    expect(body).not.toContain("inner secret");
  }
});

describe("a login that runs while the password changes", () => {
  const NEW_PASSWORD = "another rhubarb 8 wagons";
  const bcrypt = createPasswordHasher({ hashing: { algorithm: "bcrypt", cost: 4 }, pepper: null });

  /** Resolves once `count` calls have come to it. */
  function gate(count: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    let waiting = 0;
    const arrive = () => {
      waiting++;
      if (waiting === count) resolve();
    };
    return { reached: promise, arrive };
  }

  async function changePassword(token: string): Promise<void> {
    const json = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect((await api("/api/auth/password/change", { token, json })).status).toBe(204);
  }

  it("two renewals of an old hash never bring the old password back", async () => {
    const { userId, phone, token } = await signUp();
    await storeHash(userId, await bcrypt.hash(PASSWORD));
    const renewals = gate(2);
    const changed = Promise.withResolvers<void>();
    const HASHER = spyHasher([], {
      async hash(password: string) {
        renewals.arrive();
        await changed.promise;
        return bindings.HASHER.hash(password);
      },
    });
    const app = appWith({ HASHER });
    const attempt = () => app.fetch("/api/auth/login", { json: { phone, password: PASSWORD } });
    const responses = await Promise.all([attempt(), attempt()]);
    expect(responses.map((response) => response.status)).toEqual([200, 200]);
    await renewals.reached;
    await changePassword(token);
    changed.resolve();
    await app.settled();
    expect((await login({ phone, password: PASSWORD })).status).toBe(401);
    expect((await login({ phone, password: NEW_PASSWORD })).status).toBe(200);
  });

  it("gets no session when it proved the old one", async () => {
    const { phone, token } = await signUp();
    const HASHER = spyHasher([], {
      async verify(password: string, stored: string | null) {
        const verified = await bindings.HASHER.verify(password, stored);
        await changePassword(token);
        return verified;
      },
    });
    const response = await apiWith({ HASHER }, "/api/auth/login", { json: { phone, password: PASSWORD } });
    expect(response.status).toBe(401);
    const sessions = await api("/api/auth/sessions", { token });
    expect(((await sessions.json()) as { items: unknown[] }).items).toHaveLength(1);
  });
});

describe("the time a refusal takes", () => {
  /** Phones whose refusals cost differently: no account, today's hash, a far slower one. */
  async function phones(bcryptCost: number) {
    const [account, legacy] = [await signUp(), await signUp()];
    const old = createPasswordHasher({ hashing: { algorithm: "bcrypt", cost: bcryptCost }, pepper: null });
    await storeHash(legacy.userId, await old.hash(PASSWORD));
    return [newPhone(), account.phone, legacy.phone] as const;
  }

  it("is never below the floor, whatever was wrong", async () => {
    const app = appWith({ LOGIN_TIME_FLOOR: "120ms" });
    for (const phone of await phones(4)) {
      const start = performance.now();
      const response = await app.fetch("/api/auth/login", { json: { phone, password: "not the password" } });
      expect(response.status).toBe(401);
      expect(performance.now() - start).toBeGreaterThanOrEqual(119);
    }
  });

  /** The real hasher with the differences between kinds of hashes made plain to see. */
  const HASHER = spyHasher([], {
    async verify(password: string, stored: string | null) {
      await sleep(stored === null ? 0 : stored.startsWith("$2") ? 30 : 15);
      return bindings.HASHER.verify(password, stored);
    },
  });

  /** Lets everything through at once. */
  const RATE_LIMITER = {
    getByName: () => ({ take: async () => ({ allowed: true, takeId: 1, windows: [] }), confirm: async () => {} }),
  };

  /** A machine that is busy with other things may spoil a run; a floor that leaks spoils them all. */
  const STATISTICAL = { timeout: 60_000, retry: 2 };

  /** The medians of `rounds` refusals each; six run at a time, in turns. */
  async function medians(floor: string, rounds: number): Promise<number[]> {
    const app = appWith({ HASHER, RATE_LIMITER, LOGIN_TIME_FLOOR: floor });
    const samples = (await phones(4)).map((phone) => ({ phone, times: [] as number[] }));
    for (let round = 0; round < rounds; round += 2) {
      const order = [0, 1, 2, 0, 1, 2].map((i) => samples[(i + round) % 3] as (typeof samples)[number]);
      await Promise.all(
        order.map(async ({ phone, times }) => {
          const start = performance.now();
          const response = await app.fetch("/api/auth/login", { json: { phone, password: "not the password" } });
          times.push(performance.now() - start);
          expect(response.status).toBe(401);
        }),
      );
    }
    await app.settled();
    return samples.map(({ times }) => times.sort((a, b) => a - b)[rounds / 2] as number);
  }

  it(
    "tells nothing over 200 samples each: medians within a tenth, where without the floor they are far apart",
    STATISTICAL,
    async () => {
      const apart = await medians("0ms", 20);
      expect(Math.max(...apart) / Math.min(...apart), String(apart)).toBeGreaterThan(1.2);
      const together = await medians("120ms", 200);
      expect(Math.max(...together) / Math.min(...together), String(together)).toBeLessThan(1.1);
    },
  );
});
