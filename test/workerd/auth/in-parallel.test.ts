import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { auditLog } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { Caller } from "../../../src/modules/auth/caller.ts";
import { login as loginVerb } from "../../../src/modules/auth/service/login.ts";
import { apiWith } from "../support/app.ts";
import { countingHasher, login, meStatus, signIn, withServices } from "../support/auth.ts";
import { api, newPhone, PASSWORD, signUp, verifiedPhone } from "../support/client.ts";
import { bindings, db } from "../support/database.ts";
import { countStatuses, send, times } from "../support/limited.ts";

it("25 logins with the right password at once all sign in: none is taken for a guess of the others", async () => {
  const { phone } = await signUp();
  const responses = await times(25, () => login({ phone, password: PASSWORD }));
  expect(countStatuses(responses)).toEqual({ 200: 25 });
  expect((await login({ phone, password: "not the password" })).status).toBe(401);
});

it("one right login among 20 wrong ones at once hashes no more than would be tried one after another", async () => {
  const { phone } = await signUp();
  const hasher = countingHasher();
  const passwords = [...new Array<string>(20).fill("not the password"), PASSWORD];
  const attempts = passwords.map((password) =>
    apiWith({ HASHER: hasher }, "/api/auth/login", { json: { phone, password } }),
  );
  const counts = countStatuses(await Promise.all(attempts));
  // Should the right one be among the first five, it clears the count, and five more may try.
  expect(counts[401] ?? 0).toBeLessThanOrEqual(10);
  expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBe(21);
  expect((await login({ phone, password: PASSWORD })).status).toBeGreaterThanOrEqual(200);
});

it("one login token used 20 times at once opens one session and pushes no other device out", async () => {
  const account = await signUp();
  const others = [account.token];
  for (let i = 0; i < 15; i++) others.push((await signIn(account)).accessToken);
  const verificationToken = await verifiedPhone(account.phone, "login");
  const responses = await times(20, () => login({ verificationToken }));
  expect(countStatuses(responses)).toEqual({ 200: 1, 401: 19 });
  for (const token of others) expect(await meStatus(token)).toBe(200);
  const winner = responses.find((response) => response.status === 200) as Response;
  const { accessToken } = (await winner.json()) as { accessToken: string };
  const list = (await (await api("/api/auth/sessions", { token: accessToken })).json()) as { items: unknown[] };
  expect(list.items).toHaveLength(17);
});

it("whoever has used up his own sends can't hold a phone's place against its owner", async () => {
  const env = {
    OTP_RESEND_COOLDOWN: "60s",
    RATE_LIMIT_OTP_PER_PHONE: "3",
    RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "0",
  };
  const owner = { OTP_RESEND_COOLDOWN: "60s", RATE_LIMIT_OTP_PER_PHONE: "3" };
  for (let round = 0; round < 5; round++) {
    const phone = newPhone();
    const flood = times(12, () => send(env, phone, { ip: "198.51.100.7" }));
    expect((await send(owner, phone)).status).toBe(202);
    expect(countStatuses(await flood)).toEqual({ 429: 12 });
  }
});

it("sends that are refused leave no object of the phone behind, and what is given back none either", async () => {
  const env = { RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY: "0", OTP_COUNTRIES: "GB" };
  const names: string[] = [];
  const RATE_LIMITER = {
    getByName(name: string) {
      names.push(name);
      return bindings.RATE_LIMITER.getByName(name);
    },
  };
  const phone = "+447400123456";
  expect((await send({ ...env, RATE_LIMITER }, phone, { ip: "198.51.100.8" })).status).toBe(429);
  expect(names.length).toBeGreaterThan(1);
  for (const name of new Set(names)) {
    const stub = bindings.RATE_LIMITER.getByName(name);
    const tables = await runInDurableObject(stub, (_, state) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'takes'").toArray(),
    );
    expect(tables).toEqual([]);
  }
});

it("an object of an earlier form is taken over by the next sign-in", async () => {
  const stub = bindings.USER_SESSIONS.getByName(newId("usr", Date.now()));
  await runInDurableObject(stub, (_, state) => {
    state.storage.sql.exec("CREATE TABLE sessions (id TEXT PRIMARY KEY, role TEXT NOT NULL)");
  });
  const standing = { role: "user", status: "active", epoch: 0 } as const;
  const limits = { idleMs: 60_000, absoluteMs: 60_000, maxSessions: 20 };
  const answer = await stub.open({ standing, proof: null, userAgent: null, ipPrefix: null, ...limits });
  expect(answer.kind).toBe("opened");
});

it("what a user changes is limited by the hour, refusals too, and shown", async () => {
  const { token, userId } = await signUp();
  const env = { RATE_LIMIT_COMMANDS_PER_USER: "5" };
  const change = () => apiWith(env, "/api/users/me", { method: "PATCH", token, json: { name: "Parvin" } });
  const remove = () => apiWith(env, "/api/images/none", { method: "DELETE", token });
  const responses = [...(await times(4, change)), ...(await times(4, remove))];
  expect(countStatuses(responses)).toEqual({ 200: 4, 404: 1, 429: 3 });
  expect(responses[7]?.headers.get("ratelimit-policy")).toBe('"commands";q=5;w=3600');
  const rows = await db.select().from(auditLog).where(eq(auditLog.userId, userId));
  expect(rows).toHaveLength(6);
});

it("logins with the right password are limited by the hour, before anything is hashed", async () => {
  const { phone } = await signUp();
  const hasher = countingHasher();
  const env = { RATE_LIMIT_LOGIN_PER_PHONE: "3", HASHER: hasher };
  const responses = [];
  for (let i = 0; i < 5; i++) {
    responses.push(await apiWith(env, "/api/auth/login", { json: { phone, password: PASSWORD } }));
  }
  expect(countStatuses(responses)).toEqual({ 200: 3, 429: 2 });
  expect(await responses[4]?.json()).toMatchObject({ code: "rate_limited" });
  expect(hasher.calls.verify).toBe(3);
});

it("an object of a version without a column gains it, and keeps who is signed in", async () => {
  const stub = bindings.USER_SESSIONS.getByName(newId("usr", Date.now()));
  const standing = { role: "user", status: "active", epoch: 0 } as const;
  const limits = { idleMs: 60_000, absoluteMs: 60_000, maxSessions: 20 };
  const request = { standing, proof: null, userAgent: null, ipPrefix: null, ...limits };
  const first = await stub.open(request);
  await runInDurableObject(stub, (_, state) => {
    state.storage.sql.exec("ALTER TABLE sessions DROP COLUMN openedBy");
  });
  await evictDurableObject(stub);
  expect((await stub.open(request)).kind).toBe("opened");
  expect(first.kind === "opened" && (await stub.check(first.sessionId, 0))?.role).toBe("user");
});

it("a stolen session can't use up what the owner needs to get rid of it", async () => {
  const account = await signUp();
  const thief = await signIn(account);
  const env = { RATE_LIMIT_COMMANDS_PER_USER: "3" };
  const call = (method: string, path: string, token: string, json?: unknown) =>
    apiWith(env, path, { method, token, ...(json ? { json } : {}) });
  const spent = await times(6, () => call("PATCH", "/api/users/me", thief.accessToken, { name: "x" }));
  expect(countStatuses(spent)).toEqual({ 200: 3, 429: 3 });
  await times(6, () => call("DELETE", "/api/auth/sessions/none", thief.accessToken));
  expect((await call("PATCH", "/api/users/me", account.token, { name: "x" })).status).toBe(429);
  expect((await call("DELETE", `/api/auth/sessions/${thief.sessionId}`, account.token)).status).toBe(204);
  expect((await call("POST", "/api/auth/logout-all", account.token)).status).toBe(204);
});

it("a sign-in by code whose write fails leaves no session, and the code's token stays good", async () => {
  const account = await signUp();
  const verificationToken = await verifiedPhone(account.phone, "login");
  const caller: Caller = {
    addressKey: "198.51.100.9",
    client: { userAgent: null, ipPrefix: null },
    deviceToken: null,
    audit: { eventId: newId("aud", Date.now()), action: "auth.login", ipPrefix: null, subject: null, detail: null },
  };
  const failing = withServices((services) => {
    const otp = { ...services.otp, consumeVerificationToken: () => Promise.reject(new Error("down")) };
    return loginVerb({ ...services, otp }, caller, { by: "verification", verificationToken }).catch((error) => error);
  });
  expect(await failing).toMatchObject({ message: "down" });
  const list = (await (await api("/api/auth/sessions", { token: account.token })).json()) as { items: unknown[] };
  expect(list.items).toHaveLength(1);
  expect((await login({ verificationToken })).status).toBe(200);
});
