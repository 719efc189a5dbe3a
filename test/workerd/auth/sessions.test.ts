import { afterEach, expect, it, vi } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import { sessionListSchema } from "../../../src/modules/auth/schemas.ts";
import { problemOf } from "../support/app.ts";
import {
  appWith,
  expectSignedOut,
  login,
  meStatus,
  refreshed,
  setClock,
  signIn,
  type Tokens,
} from "../support/auth.ts";
import { api, signUp } from "../support/client.ts";

const MINUTE = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

async function listed(token: string) {
  const response = await api("/api/auth/sessions", { token });
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return sessionListSchema.parse(await response.json()).items;
}

const revoke = (token: string, id: string) => api(`/api/auth/sessions/${id}`, { method: "DELETE", token });

it("the list shows exactly these fields of the live sessions, the newest first, and no token material", async () => {
  const start = Date.now();
  setClock(start);
  const account = await signUp();
  setClock(start + 5 * MINUTE);
  const { phone, password } = account;
  const headers = { "CF-Connecting-IP": "203.0.113.77", "User-Agent": "Agent/1.0" };
  const newer = (await (await login({ phone, password }, headers)).json()) as Tokens;
  setClock(start + 7 * MINUTE);
  const response = await api("/api/auth/sessions", { token: newer.accessToken });
  const text = await response.text();
  const at = (minutes: number) => new Date(start + minutes * MINUTE).toISOString();
  const DAY_MINUTES = 24 * 60;
  expect(JSON.parse(text)).toEqual({
    items: [
      {
        id: newer.sessionId,
        current: true,
        userAgent: "Agent/1.0",
        ipPrefix: "203.0.113.0/24",
        createdAt: at(5),
        lastSeenAt: at(7),
        expiresAt: at(5 + DAY_MINUTES),
      },
      {
        id: account.sessionId,
        current: false,
        userAgent: null,
        ipPrefix: expect.stringMatching(/^10\.\d+\.\d+\.0\/24$/),
        createdAt: at(0),
        lastSeenAt: at(0),
        expiresAt: at(DAY_MINUTES),
      },
    ],
    nextCursor: null,
  });
  for (const { refreshToken, accessToken } of [account, newer]) {
    for (const secret of [refreshToken, refreshToken.slice(-43), accessToken, accessToken.slice(-43)]) {
      expect(text).not.toContain(secret);
    }
  }
});

it("the list needs a live session", async () => {
  const { token } = await signUp();
  expect((await api("/api/auth/sessions")).status).toBe(401);
  await api("/api/auth/logout", { method: "POST", token });
  expect((await api("/api/auth/sessions", { token })).status).toBe(401);
});

it("renewing a session moves its end and leaves its id", async () => {
  const start = Date.now();
  setClock(start);
  const account = await signUp();
  setClock(start + 9 * MINUTE);
  const { accessToken } = await refreshed(account.refreshToken);
  const [session] = await listed(accessToken);
  expect(session).toMatchObject({
    id: account.sessionId,
    createdAt: new Date(start).toISOString(),
    lastSeenAt: new Date(start + 9 * MINUTE).toISOString(),
    expiresAt: new Date(start + 9 * MINUTE + 86_400_000).toISOString(),
  });
});

it("a revoked session is over at once, its renewal too, and the others go on", async () => {
  const account = await signUp();
  const [one, two] = [await signIn(account), await signIn(account)];
  const response = await revoke(account.token, one.sessionId);
  expect([response.status, await response.text()]).toEqual([204, ""]);
  await expectSignedOut(one);
  expect((await listed(account.token)).map((session) => session.id)).toEqual([two.sessionId, account.sessionId]);
  expect(await meStatus(two.accessToken)).toBe(200);
});

it("one may revoke the session one is in", async () => {
  const account = await signUp();
  expect((await revoke(account.token, account.sessionId)).status).toBe(204);
  await expectSignedOut(account);
});

it("another user's session, an unknown and an ended one are the same 404, and the other's lives on", async () => {
  const [account, victim] = [await signUp(), await signUp()];
  const ended = await signIn(account);
  await revoke(account.token, ended.sessionId);
  const problems = new Set<string>();
  for (const id of [victim.sessionId, ended.sessionId, newId("ses", Date.now()), "nonsense", victim.userId]) {
    const response = await revoke(account.token, id);
    expect(response.status, id).toBe(404);
    problems.add(JSON.stringify(await problemOf(response)));
  }
  expect(problems.size).toBe(1);
  expect([...problems][0]).toContain('"code":"session_not_found"');
  expect(await meStatus(victim.token)).toBe(200);
  await refreshed(victim.refreshToken);
});

it("a cursor that was not issued is invalid_cursor, however long it is", async () => {
  const { token } = await signUp();
  for (const cursor of ["nonsense", "x".repeat(513)]) {
    const response = await api(`/api/auth/sessions?cursor=${cursor}`, { token });
    expect(await response.json(), cursor).toMatchObject({ status: 400, code: "invalid_cursor" });
  }
});

it("the 21st session ends the oldest, renewal included, and no other", async () => {
  const account = await signUp();
  const sessions = [account as Tokens];
  for (let i = 0; i < 20; i++) sessions.push(await signIn(account));
  const [oldest, second, ...rest] = sessions as [Tokens, Tokens, ...Tokens[]];
  await expectSignedOut(oldest);
  const token = rest.at(-1)?.accessToken ?? "";
  const ids = (await listed(token)).map((session) => session.id);
  expect(ids).toHaveLength(20);
  expect(ids).not.toContain(oldest.sessionId);
  expect(await meStatus(second.accessToken)).toBe(200);
});

it("of five sign-ins at a time no more sessions are left than the cap allows", async () => {
  const account = await signUp();
  const { phone, password } = account;
  const app = appWith({ MAX_SESSIONS_PER_USER: "3" });
  const responses = await Promise.all(
    Array.from({ length: 5 }, () => app.fetch("/api/auth/login", { json: { phone, password } })),
  );
  const tokens = await Promise.all(responses.map(async (response) => (await response.json()) as Tokens));
  const statuses = await Promise.all([account, ...tokens].map(({ accessToken }) => meStatus(accessToken)));
  expect(statuses[0]).toBe(401);
  expect(statuses.filter((status) => status === 200)).toHaveLength(3);
});
