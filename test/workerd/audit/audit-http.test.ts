import { eq, sql } from "drizzle-orm";
import { beforeAll, describe, expect, it } from "vitest";
import { users } from "../../../src/db/d1/schema/index.ts";
import { auditEntryListSchema, auditEventListSchema } from "../../../src/modules/audit/schemas.ts";
import { apiWith } from "../support/app.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { db } from "../support/database.ts";
import { audit, auditEvent, recordEvents, rowsOf } from "./support.ts";

const OWN = "/api/users/me/audit";
const ADMIN = "/api/admin/audit";

async function signUpAdmin(): Promise<SignedUp> {
  const user = await signUp();
  await db
    .update(users)
    .set({ role: "admin", sessionEpoch: sql`${users.sessionEpoch} + 1` })
    .where(eq(users.id, user.userId));
  const response = await api("/api/auth/login", { json: { phone: user.phone, password: user.password } });
  expect(response.status).toBe(200);
  const session = (await response.json()) as { accessToken: string };
  return { ...user, token: session.accessToken };
}

/** All ids of a list, page by page. */
async function walk(path: string, token: string, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const url = new URL(path, "http://x");
    url.searchParams.set("limit", String(limit));
    if (cursor !== null) url.searchParams.set("cursor", cursor);
    const response = await api(url.pathname + url.search, { token });
    expect(response.status).toBe(200);
    const page = (await response.json()) as { items: { id: string }[]; nextCursor: string | null };
    ids.push(...page.items.map((item) => item.id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ids;
}

async function cursorOf(path: string, token: string): Promise<string> {
  const { nextCursor } = (await (await api(path, { token })).json()) as { nextCursor: string };
  return encodeURIComponent(nextCursor);
}

async function expectInvalidCursor(path: string, token: string): Promise<void> {
  const response = await api(path, { token });
  expect(response.status, path).toBe(400);
  expect(await response.json()).toMatchObject({ code: "invalid_cursor" });
}

describe("GET /api/users/me/audit", () => {
  it("shows exactly these fields of what concerns the account, and nothing of anybody else's", async () => {
    const user = await signUp();
    const stranger = await signUp();
    await recordEvents(stranger.userId, 2);
    const event = auditEvent(user.userId, { createdAt: Date.now() + 1_000 });
    await audit.record(event);
    const response = await api(OWN, { token: user.token });
    expect(response.status).toBe(200);
    const page = auditEntryListSchema.parse(await response.clone().json());
    expect(page.items.map((item) => item.id)).toEqual((await rowsOf(user.userId)).map((row) => row.id).reverse());
    const { items } = (await response.json()) as { items: unknown[] };
    expect(items[0]).toEqual({
      id: event.id,
      action: "auth.login",
      outcome: "success",
      sessionId: "ses_x",
      ipPrefix: "203.0.113.0/24",
      createdAt: new Date(event.createdAt).toISOString(),
    });
  });

  it("pages without loss or repeat, with cursors nobody else can use or edit", async () => {
    const user = await signUp();
    const stranger = await signUp();
    await recordEvents(user.userId, 7);
    const ids = (await rowsOf(user.userId)).map((row) => row.id).reverse();
    expect(await walk(OWN, user.token, 3)).toEqual(ids);
    const cursor = await cursorOf(`${OWN}?limit=2`, user.token);
    const edited = `${cursor.startsWith("W") ? "X" : "W"}${cursor.slice(1)}`;
    await expectInvalidCursor(`${OWN}?cursor=${edited}`, user.token);
    await expectInvalidCursor(`${OWN}?cursor=nonsense`, user.token);
    await recordEvents(stranger.userId, 3);
    await expectInvalidCursor(`${OWN}?cursor=${cursor}`, stranger.token);
  });

  it("asks for a token and a sensible limit", async () => {
    const { token } = await signUp();
    expect((await api(OWN)).status).toBe(401);
    for (const limit of ["0", "101", "x"]) expect((await api(`${OWN}?limit=${limit}`, { token })).status).toBe(422);
  });
});

describe("GET /api/admin/audit", () => {
  let admin: SignedUp;
  let user: SignedUp;
  let foreign: string;

  beforeAll(async () => {
    [admin, user] = await Promise.all([signUpAdmin(), signUp()]);
    await recordEvents(user.userId, 5);
    const event = auditEvent(user.userId, {
      createdAt: Date.UTC(2024, 1, 29, 12),
      actorId: admin.userId,
      action: "admin.disable",
      outcome: "failure",
      detail: { code: "conflict" },
    });
    await audit.record(event);
    foreign = event.id;
  });

  it("is for admins, from where admins may call", async () => {
    expect((await api(ADMIN)).status).toBe(401);
    const refused = await api(ADMIN, { token: user.token });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: "forbidden" });
    expect((await api(ADMIN, { token: admin.token })).status).toBe(200);
    const elsewhere = await apiWith({ ADMIN_IP_ALLOWLIST: "192.0.2.0/24" }, ADMIN, { token: admin.token });
    expect(elsewhere.status).toBe(403);
  });

  it("shows everything of an event", async () => {
    const response = await api(`${ADMIN}?user=${user.userId}&actor=${admin.userId}`, { token: admin.token });
    const body = await response.json();
    expect(auditEventListSchema.parse(body).items).toHaveLength(1);
    expect(body).toEqual({
      items: [
        {
          id: foreign,
          subjectId: user.userId,
          actorId: admin.userId,
          action: "admin.disable",
          outcome: "failure",
          sessionId: "ses_x",
          ipPrefix: "203.0.113.0/24",
          detail: { code: "conflict" },
          createdAt: "2024-02-29T12:00:00.000Z",
        },
      ],
      nextCursor: null,
    });
  });

  it("filters by each parameter and by all together", async () => {
    const day = "from=2024-02-29T13:00:00%2B01:00&to=2024-03-01T00:00:00Z";
    const only = async (query: string) => walk(`${ADMIN}?${query}`, admin.token, 100);
    const userRows = (await rowsOf(user.userId)).map((row) => row.id).reverse();
    expect(await only(`user=${user.userId}`)).toEqual(userRows);
    expect(await only(day)).toEqual([foreign]);
    expect(await only(`user=${user.userId}&action=admin.disable`)).toEqual([foreign]);
    expect(await only(`user=${user.userId}&outcome=failure`)).toEqual([foreign]);
    expect(await only(`user=${user.userId}&actor=${admin.userId}&action=admin.disable&outcome=failure&${day}`)).toEqual(
      [foreign],
    );
    expect(await only("from=2024-02-29T12:00:00.001Z&to=2024-03-01T00:00:00Z")).toEqual([]);
    expect(await only("user=usr_nobody")).toEqual([]);
    expect(await only(`actor=${user.userId}`)).not.toContain(foreign);
  });

  it("refuses values that are none", async () => {
    const bad = [
      "action=auth.nothing",
      "outcome=maybe",
      "from=yesterday",
      "to=2024-13-01T00:00:00Z",
      "user=",
      "limit=0",
    ];
    for (const query of bad) expect((await api(`${ADMIN}?${query}`, { token: admin.token })).status, query).toBe(422);
  });

  it("pages without loss or repeat, with cursors of one admin and one set of filters", async () => {
    const path = `${ADMIN}?user=${user.userId}`;
    const ids = (await rowsOf(user.userId)).map((row) => row.id).reverse();
    expect(await walk(path, admin.token, 2)).toEqual(ids);
    const cursor = await cursorOf(`${path}&limit=2`, admin.token);
    expect((await api(`${path}&cursor=${cursor}`, { token: admin.token })).status).toBe(200);
    for (const query of [`user=${admin.userId}`, `actor=${user.userId}`, `user=${user.userId}&outcome=success`, ""]) {
      await expectInvalidCursor(`${ADMIN}?${query}&cursor=${cursor}`, admin.token);
    }
    await expectInvalidCursor(`${OWN}?cursor=${cursor}`, admin.token);
    const other = await signUpAdmin();
    await expectInvalidCursor(`${path}&cursor=${cursor}`, other.token);
  });
});
