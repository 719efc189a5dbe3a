import { eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { auditLog } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { createKeyring } from "../../../src/kernel/keyring.ts";
import { makeRefreshToken, readRefreshToken } from "../../../src/providers/cloudflare/refresh-token.ts";
import { apiWith, issuePaths, problemOf } from "../support/app.ts";
import {
  appWith,
  changeUser,
  expectSignedOut,
  meStatus,
  refresh,
  refreshed,
  SECRET,
  setClock,
  signIn,
  type Tokens,
  unreachableSessions,
  watchedSessions,
} from "../support/auth.ts";
import { api, type SignedUp, signUp, verifiedPhone } from "../support/client.ts";
import { db } from "../support/database.ts";

const MINUTE = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

it("answers new tokens of the same session, and nothing else", async () => {
  const account = await signUp();
  const tokens = await refreshed(account.refreshToken);
  expect(tokens).toEqual({
    accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    tokenType: "Bearer",
    expiresIn: 600,
    refreshToken: expect.stringMatching(/^[\w-]{140}$/),
    refreshExpiresIn: 86_400,
    sessionId: account.sessionId,
  });
  expect(tokens.refreshToken).not.toBe(account.refreshToken);
  expect(await meStatus(tokens.accessToken)).toBe(200);
});

it.each(["user", "vendor", "admin"] as const)(
  "the session of a %s stays one through any number of renewals",
  async (role) => {
    const account = await signUp();
    await changeUser(account.userId, { role });
    let tokens: Tokens = await signIn(account);
    for (let i = 0; i < 3; i++) tokens = await refreshed(tokens.refreshToken);
    const payload = Uint8Array.fromBase64(tokens.accessToken.split(".")[1] ?? "", { alphabet: "base64url" });
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ role });
    const audit = await api("/api/admin/audit", { token: tokens.accessToken });
    expect(audit.status).toBe(role === "admin" ? 200 : 403);
  },
);

it("20 parallel renewals with one token give one successor and sign nobody out, while the first is in use already", async () => {
  const account = await signUp();
  const winners: Promise<number>[] = [];
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const tokens = await refreshed(account.refreshToken);
      winners.push(meStatus(tokens.accessToken));
      return tokens;
    }),
  );
  expect(await Promise.all(winners)).toEqual(new Array(20).fill(200));
  expect(new Set(answers.map((tokens) => tokens.refreshToken)).size).toBe(1);
  for (const { accessToken } of answers) expect(await meStatus(accessToken)).toBe(200);
  expect(await meStatus((await refreshed(answers[0]?.refreshToken ?? "")).accessToken)).toBe(200);
});

describe("a token that has been replaced", () => {
  /** A session renewed now, by the fake clock; `used` says whether the answer arrived. */
  async function renewed(used: boolean) {
    const start = Date.now();
    setClock(start);
    const { refreshToken } = await signUp();
    const tokens = await refreshed(refreshToken);
    if (used) expect(await meStatus(tokens.accessToken)).toBe(200);
    return { old: refreshToken, tokens, at: (ms: number) => setClock(start + ms) };
  }

  it.each([
    ["10 s, its successor in use", true, 10_000],
    ["60 s, where the answer was lost", false, 60_000],
  ])("gives the same successor again for %s, and not a millisecond longer", async (_, used, graceMs) => {
    const { old, tokens, at } = await renewed(used);
    at(graceMs);
    const again = await refreshed(old);
    expect(again.refreshToken).toBe(tokens.refreshToken);
    at(graceMs + 1);
    expect((await refresh(old)).status).toBe(401);
    await expectSignedOut(tokens);
    await expectSignedOut(again);
  });

  it("ends the session at once when it is not the latest's predecessor", async () => {
    const { old, tokens } = await renewed(false);
    const third = await refreshed(tokens.refreshToken);
    expect((await refresh(old)).status).toBe(401);
    for (const session of [tokens, third]) await expectSignedOut(session);
  });

  it("ends no other session of the account, and says so in the audit log", async () => {
    const account = await signUp();
    const other = await signIn(account);
    await refreshed((await refreshed(account.refreshToken)).refreshToken);
    const response = await apiWith({}, "/api/auth/refresh", { json: { refreshToken: account.refreshToken } });
    expect(response.status).toBe(401);
    expect(await meStatus(other.accessToken)).toBe(200);
    const events = await db.select().from(auditLog).where(eq(auditLog.userId, account.userId));
    expect(events.filter((event) => event.action === "auth.refresh")).toMatchObject([
      {
        outcome: "failure",
        actorId: "anonymous",
        detail: { code: "invalid_refresh_token", reused: true, session: account.sessionId },
      },
    ]);
  });
});

describe("a token that is not the service's", () => {
  it("touches nothing: 1,000 turned bits leave the session alive and ask no object", async () => {
    const account = await signUp();
    const asked: string[] = [];
    const RATE_LIMITER = { getByName: () => asked.push("limiter") };
    const app = appWith({ RATE_LIMITER, USER_SESSIONS: watchedSessions((method) => void asked.push(method)) });
    const bytes = Uint8Array.fromBase64(account.refreshToken, { alphabet: "base64url" });
    for (let i = 0; i < 1_000; i++) {
      const forged = bytes.slice();
      const bit = i % 256;
      const at = bytes.length - 32 + (bit >> 3);
      forged[at] = (forged[at] as number) ^ (1 << (bit & 7));
      if (i >= 256) forged[i % 73] = (forged[i % 73] as number) ^ 1;
      const refreshToken = forged.toBase64({ alphabet: "base64url", omitPadding: true });
      expect((await app.fetch("/api/auth/refresh", { json: { refreshToken } })).status).toBe(401);
    }
    expect(asked).toEqual([]);
    expect(await meStatus((await refreshed(account.refreshToken)).accessToken)).toBe(200);
  });

  it("access tokens don't renew, and refresh tokens open nothing", async () => {
    const { accessToken, refreshToken } = await signUp();
    expect((await refresh(accessToken)).status).toBe(401);
    expect(await meStatus(refreshToken)).toBe(401);
  });

  it("whatever is wrong, the answer is the same 401", async () => {
    const account = await signUp();
    const keyring = createKeyring([SECRET]);
    const claims = await readRefreshToken(keyring, account.refreshToken);
    if (claims === null) throw new Error("not readable");
    const strangers = createKeyring(["another-secret-another-secret-another-01"]);
    const ended = await signIn(account);
    await api("/api/auth/logout", { method: "POST", token: ended.accessToken });
    const problems = new Set<string>();
    for (const token of [
      "nonsense",
      "A".repeat(140),
      ended.refreshToken,
      account.accessToken,
      await makeRefreshToken(strangers, claims),
      await makeRefreshToken(keyring, { ...claims, sessionId: newId("ses", Date.now()) }),
      await makeRefreshToken(keyring, { ...claims, userId: newId("usr", Date.now()) }),
      await makeRefreshToken(keyring, { ...claims, salt: "A".repeat(22) }),
      await makeRefreshToken(keyring, { ...claims, counter: 1 }),
    ]) {
      const response = await refresh(token);
      expect(response.status, token).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      problems.add(JSON.stringify(await problemOf(response)));
    }
    expect(problems.size).toBe(1);
    expect([...problems][0]).toContain('"code":"invalid_refresh_token"');
  });

  it("a body without exactly one token is 422", async () => {
    const { refreshToken } = await signUp();
    for (const [json, path] of [
      [{}, "refreshToken"],
      [{ refreshToken: 1 }, "refreshToken"],
      [{ refreshToken, role: "admin" }, "role"],
    ] as const) {
      const response = await api("/api/auth/refresh", { json });
      expect(response.status).toBe(422);
      expect(await issuePaths(response)).toEqual([path]);
    }
  });
});

describe("nothing is renewed after", () => {
  const logout = (path: string, { token }: SignedUp) => api(path, { method: "POST", token });
  it.each<[string, (account: SignedUp) => Promise<unknown>]>([
    ["logout", (account) => logout("/api/auth/logout", account)],
    ["logout everywhere", (account) => logout("/api/auth/logout-all", account)],
    ["the account was disabled", ({ userId }) => changeUser(userId, { status: "disabled" })],
    ["a change of role", ({ userId }) => changeUser(userId, { role: "vendor" })],
    [
      "a password reset",
      async ({ phone }) => {
        const verificationToken = await verifiedPhone(phone, "password_reset");
        return api("/api/auth/password/reset", { json: { verificationToken, newPassword: "another 8 wagons" } });
      },
    ],
    ["the account was deleted", ({ token }) => api("/api/users/me", { method: "DELETE", token })],
  ])("%s", async (_, end) => {
    const account = await signUp();
    await end(account);
    await expectSignedOut(account);
  });

  it("a role that was only widened: the session goes on with it for as long as its access token, and no longer", async () => {
    const start = Date.now();
    setClock(start);
    const account = await signUp({ role: "vendor" });
    await changeUser(account.userId, { status: "active" }, "restrict");
    expect(await meStatus(account.token)).toBe(200);
    expect((await refresh(account.refreshToken)).status).toBe(401);
    expect(await meStatus(account.token)).toBe(200);
    setClock(start + 10 * MINUTE);
    expect(await meStatus(account.token)).toBe(401);
  });
});

it("an admin who was made a user is none on the next request, and one who was made an admin is", async () => {
  const account = await signUp();
  const audit = async () => (await api("/api/admin/audit", { token: account.token })).status;
  expect(await audit()).toBe(403);
  await changeUser(account.userId, { role: "admin" }, "restrict");
  expect(await audit()).toBe(200);
  await changeUser(account.userId, { role: "user" }, "end");
  expect(await audit()).toBe(401);
});

it("a session may be renewed so often in 15 minutes and then is 429, alone", async () => {
  const account = await signUp();
  const other = await signIn(account);
  const app = appWith({ RATE_LIMIT_REFRESH_PER_SESSION: "3" });
  const renew = (refreshToken: string) => app.fetch("/api/auth/refresh", { json: { refreshToken } });
  for (let i = 0; i < 3; i++) expect((await renew(account.refreshToken)).status).toBe(200);
  const refused = await renew(account.refreshToken);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(800);
  expect(await refused.json()).toMatchObject({ code: "rate_limited" });
  expect((await renew(other.refreshToken)).status).toBe(200);
  expect(await meStatus(account.token)).toBe(200);
});

it("idle and absolute end hold however often a session is renewed", async () => {
  const start = Date.now();
  setClock(start);
  const account = await signUp();
  const app = appWith({ SESSION_TIMEOUT: "1h", SESSION_ABSOLUTE_TIMEOUT: "3h" });
  const post = async (path: string, json: object) => {
    const response = await app.fetch(path, { json });
    return response.status === 200 ? ((await response.json()) as Tokens) : null;
  };
  const { phone, password } = account;
  const [idle, busy] = [
    await post("/api/auth/login", { phone, password }),
    await post("/api/auth/login", { phone, password }),
  ];
  let tokens = busy;
  const lives: (number | undefined)[] = [];
  for (const minutes of [50, 100, 150, 179]) {
    setClock(start + minutes * MINUTE);
    tokens = await post("/api/auth/refresh", { refreshToken: tokens?.refreshToken });
    lives.push(tokens?.refreshExpiresIn);
    if (minutes === 50) continue;
    expect(await post("/api/auth/refresh", { refreshToken: idle?.refreshToken })).toBeNull();
  }
  expect(lives).toEqual([3600, 3600, 1800, 60]);
  setClock(start + 180 * MINUTE - 1);
  expect(await meStatus(tokens?.accessToken ?? "")).toBe(200);
  setClock(start + 180 * MINUTE);
  await expectSignedOut(tokens as Tokens);
});

it("when the sessions can't be asked the answer is 503 and the token stays good", async () => {
  const { refreshToken } = await signUp();
  const USER_SESSIONS = unreachableSessions("refresh");
  const response = await apiWith({ USER_SESSIONS }, "/api/auth/refresh", { json: { refreshToken } });
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
  await refreshed(refreshToken);
});
