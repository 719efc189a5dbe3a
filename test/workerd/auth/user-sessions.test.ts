import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import type { AdvanceRequest, OpenSessionRequest } from "../../../durable-objects/user-sessions/contract.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { createKeyring } from "../../../src/kernel/keyring.ts";
import { makeRefreshToken, readRefreshToken } from "../../../src/providers/cloudflare/refresh-token.ts";
import { apiWith } from "../support/app.ts";
import { setClock } from "../support/auth.ts";
import { api, type Session, signUp } from "../support/client.ts";
import { bindings } from "../support/database.ts";

const REQUEST: OpenSessionRequest = {
  proof: null,
  standing: { role: "vendor", status: "active", epoch: 0 },
  userAgent: "test",
  ipPrefix: "203.0.113.0/24",
  idleMs: 3_600_000,
  absoluteMs: 10_000_000,
  maxSessions: 20,
};

const newObject = () => bindings.USER_SESSIONS.getByName(newId("usr", Date.now()));
type Stub = ReturnType<typeof newObject>;

/** A session that must open. */
async function opened(stub: Stub, change: Partial<OpenSessionRequest> = {}) {
  const answer = await stub.open({ ...REQUEST, ...change });
  if (answer.kind !== "opened") throw new Error(answer.kind);
  return answer;
}

/** The role a session may act with; null when it has ended. */
const roleOf = async (stub: Stub, sessionId: string) => (await stub.check(sessionId, 0))?.role ?? null;

afterEach(() => {
  vi.useRealTimers();
});

function rows(stub: Stub): Promise<Record<string, unknown>[]> {
  return runInDurableObject(stub, (_, state) => state.storage.sql.exec("SELECT * FROM sessions ORDER BY id").toArray());
}

it("a session is known by its object with the role it was opened with, and by no other", async () => {
  const stub = newObject();
  const { sessionId, counter } = await opened(stub);
  expect(counter).toBe(0);
  expect(await roleOf(stub, sessionId)).toBe("vendor");
  expect(await roleOf(stub, newId("ses", Date.now()))).toBeNull();
  expect(await roleOf(newObject(), sessionId)).toBeNull();
});

it("sessions end when idle and at their absolute end, to the millisecond", async () => {
  const start = Date.now();
  setClock(start);
  const stub = newObject();
  const idle = await opened(stub);
  const absolute = await opened(stub, { idleMs: 20_000_000 });
  expect([idle.idleExpiresInMs, absolute.idleExpiresInMs]).toEqual([3_600_000, 10_000_000]);
  for (const [sessionId, endsInMs] of [
    [idle.sessionId, 3_600_000],
    [absolute.sessionId, 10_000_000],
  ] as const) {
    setClock(start + endsInMs - 1);
    expect(await roleOf(stub, sessionId)).toBe("vendor");
    setClock(start + endsInMs);
    expect(await roleOf(stub, sessionId)).toBeNull();
  }
});

it("the session above the cap ends the oldest, also when many open at a time", async () => {
  const stub = newObject();
  const first: string[] = [];
  for (let i = 0; i < 3; i++) {
    setClock(Date.now() + 10);
    first.push((await opened(stub, { maxSessions: 3 })).sessionId);
  }
  const fourth = await opened(stub, { maxSessions: 3 });
  const roles = await Promise.all([...first, fourth.sessionId].map((id) => roleOf(stub, id)));
  expect(roles).toEqual([null, "vendor", "vendor", "vendor"]);
  await Promise.all(Array.from({ length: 30 }, () => opened(stub, { maxSessions: 3 })));
  expect(await rows(stub)).toHaveLength(3);
});

it("use is written down once a minute", async () => {
  const start = Date.now();
  setClock(start);
  const stub = newObject();
  const { sessionId } = await opened(stub);
  const lastSeen = async () => (await rows(stub))[0]?.lastSeenAt;
  setClock(start + 59_999);
  await roleOf(stub, sessionId);
  expect(await lastSeen()).toBe(start);
  setClock(start + 60_000);
  await roleOf(stub, sessionId);
  expect(await lastSeen()).toBe(start + 60_000);
});

it("an object whose sessions are over forgets everything, and works again afterwards", async () => {
  const stub = newObject();
  const start = Date.now();
  setClock(start);
  const short = await opened(stub);
  const long = await opened(stub, { idleMs: 7_200_000 });
  setClock(start + 3_600_000);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect((await rows(stub)).map((row) => row.id)).toEqual([long.sessionId]);
  setClock(start + 7_200_000);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  const tables = "SELECT name FROM sqlite_master WHERE name = 'sessions'";
  expect(await runInDurableObject(stub, (_, state) => state.storage.sql.exec(tables).toArray())).toEqual([]);
  expect(await roleOf(stub, short.sessionId)).toBeNull();
  expect(await roleOf(stub, (await opened(stub)).sessionId)).toBe("vendor");
});

it("the object keeps a salt and a counter but no token", async () => {
  const { userId, refreshToken } = await signUp();
  const stored = JSON.stringify(await rows(bindings.USER_SESSIONS.getByName(userId)));
  expect(stored).not.toContain(refreshToken);
  expect(stored).not.toContain(refreshToken.slice(-43));
});

it("a session remembers the client coarsely: no whole address, no control characters", async () => {
  const { phone, password, userId } = await signUp();
  const headers = { "CF-Connecting-IP": "2001:db8:1:2::9", "User-Agent": `Agent/1.0 ${"x".repeat(400)}` };
  const response = await api("/api/auth/login", { json: { phone, password }, headers });
  const { sessionId } = (await response.json()) as Session;
  const session = (await rows(bindings.USER_SESSIONS.getByName(userId))).find((row) => row.id === sessionId);
  expect(session).toMatchObject({ ipPrefix: "2001:db8:1::/48" });
  expect(session?.userAgent).toBe(`Agent/1.0 ${"x".repeat(246)}`);
});

it("session lives and cap come from the configuration", async () => {
  const { phone, password, token } = await signUp();
  const env = { SESSION_TIMEOUT: "2h", MAX_SESSIONS_PER_USER: "1" };
  const response = await apiWith(env, "/api/auth/login", { json: { phone, password } });
  expect(await response.json()).toMatchObject({ refreshExpiresIn: 7200 });
  expect((await api("/api/users/me", { token })).status).toBe(401);
});

it("a refresh token can be made again from its session's state, and proves all that it says", async () => {
  const keyring = createKeyring(["a".repeat(32)]);
  const claims = { userId: newId("usr", 1), sessionId: newId("ses", 2), counter: 7, salt: "A".repeat(22) };
  const token = await makeRefreshToken(keyring, claims);
  expect(await makeRefreshToken(keyring, claims)).toBe(token);
  expect(await readRefreshToken(keyring, token)).toEqual(claims);
  expect(await readRefreshToken(createKeyring(["b".repeat(32), "a".repeat(32)]), token)).toEqual(claims);
  expect(await readRefreshToken(createKeyring(["b".repeat(32)]), token)).toBeNull();
});

it("a refresh token with any bit turned over is refused, and none has two writings", async () => {
  const keyring = createKeyring(["a".repeat(32)]);
  const claims = { userId: newId("usr", 1), sessionId: newId("ses", 2), counter: 0, salt: "A".repeat(22) };
  const token = await makeRefreshToken(keyring, claims);
  const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = bytes.slice();
    turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
    const text = turned.toBase64({ alphabet: "base64url", omitPadding: true });
    expect(await readRefreshToken(keyring, text)).toBeNull();
  }
  const last = token.charCodeAt(token.length - 1);
  const next = token.slice(0, -1) + String.fromCharCode(last + 1);
  for (const other of ["", "x", `${token}A`, `${token}=`, ` ${token}`, next]) {
    expect(await readRefreshToken(keyring, other), other).toBeNull();
  }
});

/** The tables there are; none in an object that keeps nothing. */
function tables(stub: Stub): Promise<unknown[]> {
  const query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'";
  return runInDurableObject(stub, (_, state) => state.storage.sql.exec(query).toArray());
}

/** Asks all that may be asked of an object by whoever has an old token. */
async function askAll(stub: Stub, sessionId: string): Promise<void> {
  expect(await stub.check(sessionId, 0)).toBeNull();
  const grace = { idleMs: 1000, graceMs: 1000, unusedGraceMs: 1000 };
  expect(await stub.refresh({ sessionId, counter: 0, salt: "x", ...grace })).toEqual({ kind: "unknown" });
  expect(await stub.end(sessionId)).toBe(false);
  expect(await stub.list()).toEqual([]);
}

it("asking an object that was never used, or is empty again, stores nothing", async () => {
  const start = Date.now();
  setClock(start);
  const stub = newObject();
  await askAll(stub, newId("ses", start));
  expect(await tables(stub)).toEqual([]);
  expect(await runDurableObjectAlarm(stub)).toBe(false);
  const { sessionId } = await opened(stub);
  expect(await stub.end(sessionId)).toBe(true);
  setClock(start + 3_600_000);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await tables(stub)).toEqual([]);
  await askAll(stub, sessionId);
  expect(await tables(stub)).toEqual([]);
  expect(await runDurableObjectAlarm(stub)).toBe(false);
});

const advance = (stub: Stub, epoch: number, change: Partial<AdvanceRequest> = {}) =>
  stub.advance({
    standing: { role: "user", status: "active", epoch },
    effect: "end",
    keep: null,
    restrictedMs: 600_000,
    ...change,
  });

it("a sign-in that looked at the account before it changed is refused, for an hour after the last session too", async () => {
  const start = Date.now();
  setClock(start);
  const stub = newObject();
  await advance(stub, 1);
  expect(await stub.open(REQUEST)).toEqual({ kind: "stale" });
  setClock(start + 3_599_999);
  await runDurableObjectAlarm(stub);
  expect(await stub.open(REQUEST)).toEqual({ kind: "stale" });
  const standing = { role: "user", status: "active", epoch: 1 } as const;
  expect(await roleOf(stub, (await opened(stub, { standing })).sessionId)).toBe("user");
});

it("a change ends what was opened before it and what it doesn't keep, and nothing when it comes again", async () => {
  const stub = newObject();
  const [before, kept] = [await opened(stub), await opened(stub)];
  const change = { keep: kept.sessionId };
  await advance(stub, 1, change);
  const standing = { role: "user", status: "active", epoch: 1 } as const;
  const after = await opened(stub, { standing });
  await advance(stub, 1, change);
  const roles = await Promise.all([before, kept, after].map(({ sessionId }) => roleOf(stub, sessionId)));
  expect(roles).toEqual([null, "user", "user"]);
});

it("a change that comes after a later one takes no role back", async () => {
  const stub = newObject();
  const late = { role: "vendor", status: "active", epoch: 2 } as const;
  const { sessionId } = await opened(stub, { standing: late });
  await advance(stub, 1, { standing: { role: "admin", status: "active", epoch: 1 } });
  expect(await roleOf(stub, sessionId)).toBe("vendor");
  expect(await stub.open({ ...REQUEST, standing: { ...late, epoch: 1 } })).toEqual({ kind: "stale" });
});

it("a restricted session has the new role until its access token is over, and is never renewed", async () => {
  const start = Date.now();
  setClock(start);
  const stub = newObject();
  const { sessionId, counter, salt } = await opened(stub);
  const standing = { role: "admin", status: "active", epoch: 1 } as const;
  for (const at of [0, 300_000]) {
    setClock(start + at);
    await advance(stub, 1, { standing, effect: "restrict" });
  }
  expect(await roleOf(stub, sessionId)).toBe("admin");
  const grace = { idleMs: 3_600_000, graceMs: 10_000, unusedGraceMs: 60_000 };
  expect(await stub.refresh({ sessionId, counter, salt, ...grace })).toEqual({ kind: "unknown" });
  setClock(start + 599_999);
  expect(await roleOf(stub, sessionId)).toBe("admin");
  setClock(start + 600_000);
  expect(await roleOf(stub, sessionId)).toBeNull();
});

it("what an object knows survives its eviction: sessions, renewals seen to have arrived, and changes of the account", async () => {
  const start = Date.now();
  setClock(start);
  const stub = newObject();
  const { sessionId, salt } = await opened(stub);
  const renew = (counter: number) =>
    stub.refresh({ sessionId, counter, salt, idleMs: 3_600_000, graceMs: 10_000, unusedGraceMs: 60_000 });
  const successor = await renew(0);
  await evictDurableObject(stub);
  setClock(start + 60_000);
  expect(await renew(0)).toMatchObject({ ...successor, idleExpiresInMs: 3_540_000 });
  await stub.check(sessionId, 1);
  await evictDurableObject(stub);
  expect(await renew(0)).toEqual({ kind: "reused" });
  expect(await roleOf(stub, sessionId)).toBeNull();
  await advance(stub, 1);
  await evictDurableObject(stub);
  expect(await stub.open(REQUEST)).toEqual({ kind: "stale" });
});
