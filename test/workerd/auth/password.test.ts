import { eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { auditLog, verificationTokens } from "../../../src/db/d1/schema/index.ts";
import { sweepIdentity } from "../../../src/modules/auth/jobs.ts";
import { hashVerificationToken, newVerificationToken } from "../../../src/modules/auth/verification-token.ts";
import { apiWith, issuePaths, problemOf } from "../support/app.ts";
import {
  appWith,
  changeUser,
  countingHasher,
  expectSignedOut,
  login,
  meStatus,
  refreshed,
  setClock,
  signIn,
  unreachableSessions,
  withServices,
} from "../support/auth.ts";
import { api, newPhone, PASSWORD, signUp, verifiedPhone } from "../support/client.ts";
import { db } from "../support/database.ts";

const NEW_PASSWORD = "another rhubarb 8 wagons";
const WEAK = ["short", "x".repeat(129), "password123", "long enough\u0000but"];

afterEach(() => {
  vi.useRealTimers();
});

const change = (token: string, currentPassword: string, newPassword = NEW_PASSWORD) =>
  api("/api/auth/password/change", { token, json: { currentPassword, newPassword } });
const reset = (verificationToken: string, newPassword = NEW_PASSWORD) =>
  api("/api/auth/password/reset", { json: { verificationToken, newPassword } });
const loginStatus = async (phone: string, password: string) => (await login({ phone, password })).status;

/** What the cron trigger does a minute later. */
const sweep = () =>
  withServices((services) => sweepIdentity({ ...services, clock: { now: () => Date.now() + 60_000 } }));

describe("changing the password", () => {
  it("takes effect at once, ends every other session, and leaves this one with its tokens", async () => {
    const account = await signUp();
    const others = [await signIn(account), await signIn(account)];
    const response = await change(account.token, PASSWORD);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    for (const other of others) await expectSignedOut(other);
    expect(await meStatus(account.token)).toBe(200);
    expect(await meStatus((await refreshed(account.refreshToken)).accessToken)).toBe(200);
    expect(await loginStatus(account.phone, PASSWORD)).toBe(401);
    expect(await loginStatus(account.phone, NEW_PASSWORD)).toBe(200);
  });

  it("a session it kept ends with the next change that is made in another", async () => {
    const account = await signUp();
    await change(account.token, PASSWORD);
    const other = await signIn({ ...account, password: NEW_PASSWORD });
    expect((await change(other.accessToken, NEW_PASSWORD, PASSWORD)).status).toBe(204);
    await expectSignedOut(account);
    expect(await meStatus(other.accessToken)).toBe(200);
  });

  it("five wrong current passwords are 403 each, then it is 429 for 15 minutes, and nothing is hashed", async () => {
    const start = Date.now();
    setClock(start);
    const { token, phone } = await signUp();
    for (let i = 0; i < 5; i++) {
      const response = await change(token, "not the password");
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: "wrong_password" });
    }
    const HASHER = countingHasher();
    const json = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    const refused = await apiWith({ HASHER }, "/api/auth/password/change", { token, json });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
    expect(await refused.json()).toMatchObject({ code: "too_many_attempts" });
    expect(HASHER.calls).toEqual({ verify: 0, hash: 0 });
    setClock(start + 15 * 60_000);
    const { accessToken } = await signIn({ phone, password: PASSWORD });
    expect((await change(accessToken, PASSWORD)).status).toBe(204);
  });

  it("of 50 parallel guesses five are hashed", async () => {
    const { token } = await signUp();
    const HASHER = countingHasher();
    const app = appWith({ HASHER });
    const json = { currentPassword: "not the password", newPassword: NEW_PASSWORD };
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => app.fetch("/api/auth/password/change", { token, json })),
    );
    await app.settled();
    expect(responses.filter(({ status }) => status === 403)).toHaveLength(5);
    expect(responses.filter(({ status }) => status === 429)).toHaveLength(45);
    expect(HASHER.calls).toEqual({ verify: 5, hash: 0 });
  });

  it("bodies that are refused and outages count as no attempt, and change nothing", async () => {
    const { token, phone } = await signUp();
    for (const weak of [...WEAK, `0${phone.slice(3)}`]) {
      const response = await change(token, PASSWORD, weak);
      expect(response.status, weak).toBe(422);
      expect(await issuePaths(response)).toEqual(["newPassword"]);
    }
    const json = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    const HASHER = countingHasher({ verify: () => Promise.reject(new Error("down")) });
    for (let i = 0; i < 5; i++) {
      expect((await apiWith({ HASHER }, "/api/auth/password/change", { token, json })).status).toBe(503);
    }
    expect((await change(token, "not the password")).status).toBe(403);
    expect(await loginStatus(phone, PASSWORD)).toBe(200);
    expect((await change(token, PASSWORD)).status).toBe(204);
  });

  it("needs a live session", async () => {
    const account = await signUp();
    await api("/api/auth/logout", { method: "POST", token: account.token });
    expect((await change(account.token, PASSWORD)).status).toBe(401);
    expect(await loginStatus(account.phone, PASSWORD)).toBe(200);
  });

  it("of two parallel changes one wins, and never are both new passwords good", async () => {
    for (let round = 0; round < 5; round++) {
      const account = await signUp();
      const other = await signIn(account);
      const wanted = ["first rhubarb 1 wagon", "second rhubarb 2 wagons"] as const;
      const responses = await Promise.all([
        change(account.token, PASSWORD, wanted[0]),
        change(other.accessToken, PASSWORD, wanted[1]),
      ]);
      const statuses = responses.map(({ status }) => status);
      expect(statuses.filter((status) => status === 204)).toHaveLength(1);
      expect(statuses.every((status) => [204, 401, 403].includes(status))).toBe(true);
      const winner = statuses.indexOf(204);
      expect(await loginStatus(account.phone, wanted[winner] as string)).toBe(200);
      expect(await loginStatus(account.phone, wanted[1 - winner] as string)).toBe(401);
      expect(await loginStatus(account.phone, PASSWORD)).toBe(401);
    }
  });
});

describe("resetting the password", () => {
  it("ends every session, and the new password signs in", async () => {
    const account = await signUp();
    const other = await signIn(account);
    const response = await reset(await verifiedPhone(account.phone, "password_reset"));
    expect([response.status, await response.text()]).toEqual([204, ""]);
    for (const session of [account, other]) await expectSignedOut(session);
    expect(await loginStatus(account.phone, PASSWORD)).toBe(401);
    expect(await loginStatus(account.phone, NEW_PASSWORD)).toBe(200);
  });

  it("a token resets once, however many use it at a time", async () => {
    const { phone } = await signUp();
    const token = await verifiedPhone(phone, "password_reset");
    const passwords = Array.from({ length: 20 }, (_, i) => `rhubarb with ${i} wagons`);
    const responses = await Promise.all(passwords.map((password) => reset(token, password)));
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400)).toHaveLength(19);
    const winner = statuses.indexOf(204);
    expect(await loginStatus(phone, passwords[winner] as string)).toBe(200);
    expect(await loginStatus(phone, passwords[(winner + 1) % 20] as string)).toBe(401);
  });

  it("a refused password, or a hasher that is down, doesn't burn the token", async () => {
    const { phone } = await signUp();
    const token = await verifiedPhone(phone, "password_reset");
    for (const weak of [...WEAK, `0${phone.slice(3)}`]) {
      const response = await reset(token, weak);
      expect(response.status, weak).toBe(422);
      expect(await issuePaths(response)).toEqual(["newPassword"]);
    }
    const HASHER = countingHasher({ hash: () => Promise.reject(new Error("down")) });
    const json = { verificationToken: token, newPassword: NEW_PASSWORD };
    expect((await apiWith({ HASHER }, "/api/auth/password/reset", { json })).status).toBe(503);
    expect((await reset(token)).status).toBe(204);
  });

  it("a token that is unknown, used, expired, of another purpose or of nobody's phone is the same 400", async () => {
    const { phone } = await signUp();
    const used = await verifiedPhone(phone, "password_reset");
    expect((await reset(used)).status).toBe(204);
    const start = Date.now();
    setClock(start);
    const expired = await verifiedPhone(phone, "password_reset");
    setClock(start + 10 * 60_000);
    const nobodys = newVerificationToken();
    const times = { createdAt: Date.now(), expiresAt: Date.now() + 60_000 };
    const tokenHash = await hashVerificationToken(nobodys);
    await db.insert(verificationTokens).values({ tokenHash, phone: newPhone(), purpose: "password_reset", ...times });
    const tokens = ["nonsense", "A".repeat(43), used, expired, nobodys];
    for (const purpose of ["login", "register"] as const) tokens.push(await verifiedPhone(phone, purpose));
    const before = await loginStatus(phone, NEW_PASSWORD);
    const problems = new Set<string>();
    for (const token of tokens) {
      const response = await reset(token, "a third rhubarb 9 wagons");
      expect(response.status).toBe(400);
      problems.add(JSON.stringify(await problemOf(response)));
    }
    expect(problems.size).toBe(1);
    expect([...problems][0]).toContain('"code":"invalid_verification_token"');
    expect([before, await loginStatus(phone, NEW_PASSWORD)]).toEqual([200, 200]);
  });

  it("does not let a disabled account in", async () => {
    const account = await signUp();
    await changeUser(account.userId, { status: "disabled" });
    expect((await reset(await verifiedPhone(account.phone, "password_reset"))).status).toBe(204);
    expect(await loginStatus(account.phone, NEW_PASSWORD)).toBe(401);
    await expectSignedOut(account);
  });
});

describe("an outage in the middle", () => {
  it.each(["change", "reset"])("a %s is 503, holds, and the sweeper ends the sessions", async (verb) => {
    const account = await signUp();
    const other = await signIn(account);
    const json =
      verb === "change"
        ? { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
        : { verificationToken: await verifiedPhone(account.phone, "password_reset"), newPassword: NEW_PASSWORD };
    const USER_SESSIONS = unreachableSessions("advance");
    const token = account.token;
    const response = await apiWith({ USER_SESSIONS }, `/api/auth/password/${verb}`, { token, json });
    expect(response.status).toBe(503);
    expect(await loginStatus(account.phone, PASSWORD)).toBe(401);
    const newer = await signIn({ ...account, password: NEW_PASSWORD });
    await sweep();
    await expectSignedOut(other);
    expect(await meStatus(newer.accessToken)).toBe(200);
    expect(await meStatus(account.token)).toBe(verb === "change" ? 200 : 401);
    const rows = await db.select().from(auditLog).where(eq(auditLog.userId, account.userId));
    const changes = rows.filter(({ action }) => action === `auth.password_${verb}`);
    expect(changes.map(({ outcome }) => outcome)).toEqual(["success"]);
  });
});
