import { eq, inArray } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import type { ApiServices } from "../../../src/composition/services.ts";
import { auditLog, conversions, images, outbox, quotaLedger } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { linkAudit } from "../../../src/modules/audit/jobs.ts";
import { sweepIdentity } from "../../../src/modules/auth/jobs.ts";
import { conversionKeys } from "../../../src/modules/conversions/conversion.ts";
import { objectKeys } from "../../../src/modules/images/object-keys.ts";
import { sweepErasures } from "../../../src/modules/users/jobs.ts";
import { deleteMe } from "../../../src/modules/users/service/delete-me.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { verifyChain } from "../audit/verify-chain.ts";
import { apiWith } from "../support/app.ts";
import { expectSignedOut, login, meStatus, refresh, signIn, withServices } from "../support/auth.ts";
import { api, PASSWORD, type Session, type SignedUp, signUp, verifiedPhone } from "../support/client.ts";
import { bindings, d1, db, insertImage } from "../support/database.ts";
import { uploadPerson, usageOf } from "../support/pictures.ts";

const MINUTE = 60_000;
const SETTLED = 10 * MINUTE;

/** An account with some of everything; its second conversion is held by a worker. */
async function populated() {
  const account = await signUp({ name: "Parvin" });
  const photo = (await uploadPerson(account.token)) as { id: string; url: string };
  const response = await api("/api/conversions", {
    token: account.token,
    json: { kind: "style", personImageId: photo.id, stylePreset: "noir", prompt: "my grandmother" },
    headers: { Prefer: "wait=25", "Idempotency-Key": "a key" },
  });
  expect(response.status).toBe(201);
  const done = (await response.json()) as { id: string; output: { url: string } };
  const conversion = newConversion(account.userId, conversionInput(photo.id));
  await d1.conversions.create(conversion, createConditions(conversion.createdAt));
  const claim = { now: Date.now(), leaseMs: MINUTE, maxAttempts: 4, attemptsSpent: false };
  const running = await d1.conversions.claim(conversion.id, claim);
  if (running === null) throw new Error("not claimed");
  return { ...account, urls: [photo.url, done.output.url], doneId: done.id, lease: running.lease };
}

/** A part of the services in which these methods fail, as where the process ends. */
function failing<T extends object>(port: T, ...methods: (keyof T)[]): T {
  const fail = () => Promise.reject(new Error("crash"));
  return { ...port, ...Object.fromEntries(methods.map((method) => [method, fail])) };
}

type Crash = (services: ApiServices) => Partial<ApiServices>;
const NO_ERASURE: Crash = ({ erasure }) => ({ erasure: failing(erasure, "deletedAt") });

/** The verb, with services that fail where the test says. */
function deletion({ userId, sessionId }: SignedUp, crash: Crash): Promise<void> {
  const actor = { userId, sessionId, role: "user" } as const;
  const stamp = { action: "user.delete", ipPrefix: "203.0.113.0/24", subject: null, detail: null } as const;
  const eventId = newId("aud", Date.now());
  return withServices((services) => deleteMe({ ...services, ...crash(services) }, actor, { ...stamp, eventId }));
}

/** What the cron trigger does that long from now. */
const sweep = (inMs: number, crash: Crash = () => ({})) =>
  withServices(async (services) => {
    const later = { ...services, clock: { now: () => Date.now() + inMs }, ...crash(services) };
    await sweepIdentity(later);
    for (let round = 0; round < 5 && (await sweepErasures(later)) > 0; round++);
  });

const remove = (token: string) => apiWith({}, "/api/users/me", { method: "DELETE", token });

/** How much is left of an account. */
async function leftOf(account: Awaited<ReturnType<typeof populated>>) {
  const count = async (query: string, ...values: string[]) => {
    const statement = bindings.DB.prepare(`SELECT count(*) AS n FROM ${query}`).bind(...values);
    return (await statement.first<{ n: number }>())?.n;
  };
  const own = (table: string) => count(`${table} WHERE user_id = ?`, account.userId);
  const ids = [account.doneId, account.lease.conversionId];
  const prefixes = [`images/${account.userId}/`, ...ids.map((id) => `results/${id}/`)];
  const listed = await Promise.all(prefixes.map((prefix) => bindings.BUCKET.list({ prefix })));
  return {
    conversions: await own("conversions"),
    events: await count("conversion_events WHERE conversion_id IN (?, ?)", ...ids),
    ledger: await own("quota_ledger"),
    images: await own("images"),
    tokens: await count("verification_tokens WHERE phone = ?", account.phone),
    messages: await count("dev_sms WHERE recipient = ?", account.phone),
    objects: listed.flatMap(({ objects }) => objects).length,
    idempotency: await own("idempotency_records"),
    accounts: await count("users WHERE id = ?", account.userId),
    promises: (await promisesOf(account.userId)).length,
  };
}

async function promisesOf(userId: string) {
  const rows = await db.select().from(outbox);
  return rows.filter(({ payload }) => (payload as { userId?: string }).userId === userId);
}

/** The events of the whole log that name somebody or something. */
async function mentions(name: string) {
  return (await db.select().from(auditLog)).filter((row) => JSON.stringify(row).includes(name));
}

const NOTHING = { conversions: 0, events: 0, ledger: 0, images: 0, tokens: 0, messages: 0, objects: 0 };
const ERASED = { ...NOTHING, idempotency: 0, accounts: 0, promises: 0 };

it("answers 204, and every token of the account is worthless at once", async () => {
  const account = await signUp();
  const other = await signIn(account);
  const response = await remove(account.token);
  expect([response.status, await response.text()]).toEqual([204, ""]);
  for (const session of [account, other]) await expectSignedOut(session);
  expect((await remove(account.token)).status).toBe(401);
  expect((await login({ phone: account.phone, password: PASSWORD })).status).toBe(401);
});

it("the phone may register again, and the new account has nothing of the old", async () => {
  const account = await populated();
  await remove(account.token);
  const verificationToken = await verifiedPhone(account.phone);
  const response = await api("/api/auth/register", { json: { verificationToken, password: PASSWORD } });
  expect(response.status).toBe(201);
  const { user, accessToken: token } = (await response.json()) as Session;
  expect(user.id).not.toBe(account.userId);
  expect(user.name).toBeNull();
  for (const path of ["/api/images", "/api/conversions"]) {
    expect(await (await api(path, { token })).json()).toEqual({ items: [], nextCursor: null });
  }
  expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0 });
  const audit = (await (await api("/api/users/me/audit", { token })).json()) as { items: { action: string }[] };
  expect(audit.items.map(({ action }) => action)).toEqual(["auth.register"]);
  await sweep(SETTLED + MINUTE);
  expect(await meStatus(token)).toBe(200);
  await expectSignedOut(account);
});

it("signed urls stop working and running conversions are canceled before anything is erased", async () => {
  const account = await populated();
  for (const url of account.urls) expect((await api(url)).status).toBe(200);
  await deletion(account, NO_ERASURE);
  for (const url of account.urls) expect((await api(url)).status).toBe(404);
  const { conversionId } = account.lease;
  const [row] = await db.select().from(conversions).where(eq(conversions.id, conversionId));
  expect(row).toMatchObject({ status: "canceled", lease: null });
  const [unit] = await db.select().from(quotaLedger).where(eq(quotaLedger.conversionId, conversionId));
  expect(unit?.state).toBe("released");
  const times = { now: Date.now(), leaseMs: MINUTE };
  expect(await d1.conversions.renewLease(account.lease, Date.now() + MINUTE)).toBe(false);
  expect(await d1.conversions.advance(account.lease, { stage: "generating", progress: 20 }, times)).toBe(false);
  const late = (await db.select().from(outbox)).filter(({ topic }) => topic === "objects.delete");
  expect(late.map(({ payload }) => payload)).toContainEqual({ keys: conversionKeys(conversionId) });
  await sweep(MINUTE);
  expect(await leftOf(account)).toMatchObject(NOTHING);
});

it("rows and objects are gone after the background work, the empty account ten minutes later", async () => {
  const account = await populated();
  expect((await leftOf(account)).objects).toBe(6);
  await remove(account.token);
  expect(await leftOf(account)).toMatchObject({ ...NOTHING, accounts: 1, promises: 1 });
  await sweep(SETTLED - MINUTE);
  expect(await leftOf(account)).toMatchObject({ ...NOTHING, accounts: 1, promises: 1 });
  await sweep(SETTLED);
  expect(await leftOf(account)).toEqual(ERASED);
});

it("what a request under way writes in between is erased with the account", async () => {
  const account = await populated();
  await remove(account.token);
  const id = await insertImage(account.userId);
  const [image] = await db.select().from(images).where(eq(images.id, id));
  if (image === undefined) throw new Error("no image");
  for (const key of objectKeys(image)) await bindings.BUCKET.put(key, QUADRANT_JPEG);
  expect(await leftOf(account)).toMatchObject({ images: 1, objects: 3 });
  await sweep(SETTLED);
  expect(await leftOf(account)).toEqual(ERASED);
});

it("of parallel deletions one is answered with 204, and the log tells of one", async () => {
  const account = await populated();
  const other = await signIn(account);
  const tokens = [account.token, other.accessToken, account.token, other.accessToken, account.token];
  const statuses = (await Promise.all(tokens.map(remove))).map(({ status }) => status);
  expect(statuses.filter((status) => status === 204)).toHaveLength(1);
  expect(statuses.filter((status) => status === 401)).toHaveLength(4);
  await sweep(SETTLED);
  expect(await leftOf(account)).toEqual(ERASED);
  expect(await mentions(account.userId)).toEqual([]);
});

it("touches nothing of another account", async () => {
  const [account, other] = [await populated(), await populated()];
  const before = await leftOf(other);
  await remove(account.token);
  await sweep(SETTLED + MINUTE);
  expect(await leftOf(other)).toEqual(before);
  for (const url of other.urls) expect((await api(url)).status).toBe(200);
  expect(await usageOf(other.token)).toMatchObject({ used: 1, reserved: 1 });
  expect((await refresh(other.refreshToken)).status).toBe(200);
});

describe("the audit trail", () => {
  const rowsIn = (ids: string[]) => db.select().from(auditLog).where(inArray(auditLog.id, ids));

  it.each(["before", "after"])("stays and names nobody, and its chain holds, linked %s the deletion", async (when) => {
    const account = await signUp();
    await apiWith({}, "/api/auth/login", { json: { phone: account.phone, password: "not the password" } });
    if (when === "before") await withServices((services) => linkAudit(services, { budgetMs: MINUTE }));
    const ids = (await db.select().from(auditLog).where(eq(auditLog.userId, account.userId))).map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(1);
    await remove(account.token);
    const rows = await rowsIn(ids);
    expect(rows).toHaveLength(ids.length);
    const [pseudonym, ...others] = new Set(rows.map(({ userId }) => userId));
    expect([pseudonym, others]).toEqual([expect.stringMatching(/^anon_/), []]);
    for (const row of rows) expect(row).toMatchObject({ sessionId: null, ipPrefix: null, detail: null });
    const trail = await db
      .select()
      .from(auditLog)
      .where(eq(auditLog.userId, pseudonym ?? ""));
    expect(trail.map(({ action }) => action).sort()).toEqual(["auth.login", "auth.register", "user.delete"]);
    const report = await withServices((services) => verifyChain(services, pseudonym ?? ""));
    expect(report).toMatchObject({ events: 3, problems: [] });
    await sweep(SETTLED);
    for (const name of [account.userId, account.sessionId, account.phone]) expect(await mentions(name)).toEqual([]);
  });

  it("is told nothing of the account by tokens that outlive it", async () => {
    const account = await signUp();
    await remove(account.token);
    await sweep(SETTLED);
    for (const [path, options] of [
      ["/api/auth/refresh", { json: { refreshToken: account.refreshToken } }],
      ["/api/auth/logout", { method: "POST", token: account.token }],
      ["/api/auth/logout-all", { method: "POST", token: account.token }],
    ] as const) {
      expect([401, 204]).toContain((await apiWith({}, path, options)).status);
    }
    expect(await mentions(account.userId)).toEqual([]);
  });
});

describe("cut off", () => {
  it.each<[string, Crash]>([
    ["before the sessions know", ({ sessions }) => ({ sessions: failing(sessions, "advance") })],
    ["before anything is looked for", NO_ERASURE],
    ["before objects are deleted", ({ objects }) => ({ objects: failing(objects, "delete") })],
    ["between objects and rows", ({ erasure }) => ({ erasure: failing(erasure, "eraseRows") })],
    ["before the log is erased", ({ erasure }) => ({ erasure: failing(erasure, "anonymizeAudit") })],
    ["before the promises are settled", ({ outbox: o }) => ({ outbox: failing(o, "settle", "postpone") })],
  ])("%s, the sweeper goes on where it ended", async (_, crash) => {
    const account = await populated();
    await deletion(account, crash).catch(() => {});
    expect(await meStatus(account.token)).toBe(401);
    expect((await login({ phone: account.phone, password: PASSWORD })).status).toBe(401);
    await sweep(MINUTE);
    await expectSignedOut(account);
    expect(await leftOf(account)).toMatchObject({ ...NOTHING, accounts: 1 });
    await sweep(SETTLED + MINUTE, ({ erasure }) => ({ erasure: failing(erasure, "eraseAccount") }));
    expect(await leftOf(account)).toMatchObject({ ...NOTHING, accounts: 1, promises: 1 });
    // What failed makes way for others for five minutes.
    await sweep(SETTLED + 7 * MINUTE);
    expect(await leftOf(account)).toEqual(ERASED);
    expect(await mentions(account.userId)).toEqual([]);
  });
});
