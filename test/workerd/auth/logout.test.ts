import { runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { auditLog, outbox, users } from "../../../src/db/d1/schema/index.ts";
import { createAccessTokens } from "../../../src/modules/auth/index.ts";
import { sweepIdentity } from "../../../src/modules/auth/jobs.ts";
import { apiWith, problemOf } from "../support/app.ts";
import {
  expectSignedOut,
  login,
  meStatus,
  refresh,
  setClock,
  signIn,
  type Tokens,
  unreachableSessions,
  withServices,
} from "../support/auth.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { bindings, db } from "../support/database.ts";

const logout = (token: string) => api("/api/auth/logout", { method: "POST", token });
const logoutAll = (token: string) => api("/api/auth/logout-all", { method: "POST", token });

afterEach(() => {
  vi.useRealTimers();
});

async function actionsOf(userId: string): Promise<string[]> {
  const rows = await db.select().from(auditLog).where(eq(auditLog.userId, userId));
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map((row) => `${row.action} ${row.outcome}`);
}

it("logout ends its own session at once, and no other", async () => {
  const account = await signUp();
  const other = await signIn(account);
  const response = await logout(account.token);
  expect(response.status).toBe(204);
  expect(await response.text()).toBe("");
  await expectSignedOut(account);
  expect(await meStatus(other.accessToken)).toBe(200);
  expect((await refresh(other.refreshToken)).status).toBe(200);
});

it("logging out again with the same token is 204, in parallel too, and recorded once", async () => {
  const { token, userId } = await signUp();
  expect((await logout(token)).status).toBe(204);
  const again = await Promise.all(Array.from({ length: 5 }, () => logout(token)));
  expect(again.map((response) => response.status)).toEqual(new Array(5).fill(204));
  expect(await actionsOf(userId)).toEqual(["auth.register success", "auth.logout success"]);
});

it("without a token, or with one that is forged or has expired, logout is the same 401", async () => {
  const start = Date.now();
  setClock(start);
  const { token, userId, sessionId, refreshToken } = await signUp();
  const secrets = { active: "another-secret-another-secret-another-01", previous: null, next: null };
  const forged = await createAccessTokens(secrets, 600_000).sign({ userId, sessionId, generation: 0, role: "user" });
  setClock(start + 10 * 60_000 + 6_000);
  const problems = new Set<string>();
  for (const options of [{}, { token: forged.accessToken }, { token }, { token: refreshToken }, { token: "x" }]) {
    const response = await api("/api/auth/logout", { method: "POST", ...options });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    problems.add(JSON.stringify(await problemOf(response)));
  }
  expect(problems.size).toBe(1);
  expect((await refresh(refreshToken)).status).toBe(200);
});

it("logging out everywhere ends every session of the account, and nobody else's", async () => {
  const account = await signUp();
  const stranger = await signUp();
  const others = [await signIn(account), await signIn(account)];
  expect((await logoutAll(account.token)).status).toBe(204);
  for (const session of [account, ...others]) await expectSignedOut(session);
  expect((await logoutAll(account.token)).status).toBe(401);
  expect(await meStatus(stranger.token)).toBe(200);
  expect(await meStatus((await signIn(account)).accessToken)).toBe(200);
});

it("logging out everywhere leaves nothing of 50 renewals and 10 sign-ins that race it", async () => {
  const account = await signUp();
  const { phone, password } = account;
  const sessions: Tokens[] = [account, await signIn(account), await signIn(account)];
  const renew = () =>
    Promise.all(sessions.flatMap(({ refreshToken }) => Array.from({ length: 8 }, () => refresh(refreshToken))));
  const enter = () => Promise.all(Array.from({ length: 5 }, () => login({ phone, password })));
  const racing = [renew(), enter()];
  const ended = logoutAll(account.token);
  racing.push(renew(), enter());
  expect((await ended).status).toBe(204);
  const answers = (await Promise.all(racing)).flat();
  expect(answers.filter(({ status }) => ![200, 401, 429].includes(status))).toEqual([]);
  const [row] = await db.select().from(users).where(eq(users.id, account.userId));
  const stub = bindings.USER_SESSIONS.getByName(account.userId);
  const left = await runInDurableObject(stub, (_, state) =>
    state.storage.sql.exec("SELECT id, epoch FROM sessions").toArray(),
  );
  expect(left.filter(({ epoch }) => epoch !== row?.sessionEpoch)).toEqual([]);
  const live = new Set(left.map(({ id }) => id));
  for (const response of answers.filter(({ status }) => status === 200))
    sessions.push((await response.json()) as Tokens);
  for (const tokens of sessions) {
    expect(await meStatus(tokens.accessToken)).toBe(live.has(tokens.sessionId) ? 200 : 401);
  }
  for (const { sessionId } of sessions.slice(0, 3)) expect(live.has(sessionId)).toBe(false);
});

describe("an outage in the middle", () => {
  /** What is promised for an account. */
  const promises = async (userId: string) =>
    (await db.select().from(outbox)).filter(({ payload }) => (payload as { userId?: string }).userId === userId);

  /** What the cron trigger does a minute later. */
  const sweep = () =>
    withServices((services) => sweepIdentity({ ...services, clock: { now: () => Date.now() + 60_000 } }));

  it.each<[string, "end" | "advance", string]>([
    ["logout", "end", "/api/auth/logout"],
    ["logout-all", "advance", "/api/auth/logout-all"],
  ])("%s is 503, is written down, and done by the sweeper", async (_, method, path) => {
    const account: SignedUp = await signUp();
    const USER_SESSIONS = unreachableSessions(method);
    const response = await apiWith({ USER_SESSIONS }, path, { method: "POST", token: account.token });
    expect(response.status).toBe(503);
    expect(await promises(account.userId)).toMatchObject([{ topic: `sessions.${method}` }]);
    await sweep();
    await expectSignedOut(account);
    expect(await promises(account.userId)).toEqual([]);
    expect((await actionsOf(account.userId))[1]).toMatch(/^auth\.logout(_all)? success$/);
  });

  it("a session revoked during it is ended by the sweeper", async () => {
    const account = await signUp();
    const other = await signIn(account);
    const path = `/api/auth/sessions/${other.sessionId}`;
    const USER_SESSIONS = unreachableSessions("end");
    const response = await apiWith({ USER_SESSIONS }, path, { method: "DELETE", token: account.token });
    expect(response.status).toBe(503);
    await sweep();
    await expectSignedOut(other);
    expect(await meStatus(account.token)).toBe(200);
  });

  it("a promise kept twice, or late, ends no session that was opened since", async () => {
    const account = await signUp();
    const USER_SESSIONS = unreachableSessions("advance");
    await apiWith({ USER_SESSIONS }, "/api/auth/logout-all", { method: "POST", token: account.token });
    const [promise] = await promises(account.userId);
    const newer = await signIn(account);
    await sweep();
    expect(await meStatus(account.token)).toBe(401);
    expect(await meStatus(newer.accessToken)).toBe(200);
    await db.insert(outbox).values(promise as typeof outbox.$inferInsert);
    await sweep();
    expect(await meStatus(newer.accessToken)).toBe(200);
    expect((await refresh(newer.refreshToken)).status).toBe(200);
  });

  it("a promise that can't be kept is kept the next time", async () => {
    const account = await signUp();
    const USER_SESSIONS = unreachableSessions("advance");
    await apiWith({ USER_SESSIONS }, "/api/auth/logout-all", { method: "POST", token: account.token });
    const clock = { now: () => Date.now() + 60_000 };
    await withServices((services) => sweepIdentity({ ...services, clock }), { USER_SESSIONS, LOG_LEVEL: "error" });
    expect(await promises(account.userId)).toHaveLength(1);
    // It makes way for others for five minutes.
    const later = { now: () => clock.now() + 5 * 60_000 };
    await withServices((services) => sweepIdentity({ ...services, clock: later }));
    await expectSignedOut(account);
  });
});
