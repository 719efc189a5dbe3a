import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import type { OpenSessionRequest } from "../../../durable-objects/user-sessions/contract.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { createKeyring } from "../../../src/kernel/keyring.ts";
import { makeRefreshToken, readRefreshToken } from "../../../src/providers/cloudflare/refresh-token.ts";
import { apiWith } from "../support/app.ts";
import { api, type Session, signUp } from "../support/client.ts";
import { bindings } from "../support/database.ts";

const REQUEST: OpenSessionRequest = {
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

/** Lets the object's clock show another time; timers stay real. */
function setClock(epochMs: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: epochMs });
}

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

it("the 21st sign-in ends the first session at once", async () => {
  const { token, phone, password } = await signUp();
  for (let i = 0; i < 20; i++) {
    expect((await api("/api/users/me", { token })).status).toBe(200);
    expect((await api("/api/auth/login", { json: { phone, password } })).status).toBe(200);
  }
  expect((await api("/api/users/me", { token })).status).toBe(401);
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
