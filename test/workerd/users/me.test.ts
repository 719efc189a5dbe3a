import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { users } from "../../../src/db/d1/schema/index.ts";
import { issuePaths } from "../support/app.ts";
import { api, signUp, type User } from "../support/client.ts";
import { db } from "../support/database.ts";

const patch = (token: string, json: unknown) => api("/api/users/me", { method: "PATCH", token, json });

it("answers the signed-in user bare, not to be cached", async () => {
  const { token, user } = await signUp({ name: "Parvin" });
  const response = await api("/api/users/me", { token });
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual(user);
});

it("needs a session", async () => {
  expect((await api("/api/users/me")).status).toBe(401);
  expect((await api("/api/users/me", { method: "PATCH", json: { name: "x" } })).status).toBe(401);
});

it("changes what is given, keeps what is left out, and clears what is null", async () => {
  const { token, user } = await signUp({ name: "Parvin" });
  const changed = (await (await patch(token, { bio: "  شاعر  ", locale: "fa-IR" })).json()) as User;
  expect(changed).toEqual({ ...user, bio: "شاعر", locale: "fa-IR", updatedAt: changed.updatedAt });
  expect(changed.updatedAt >= user.updatedAt).toBe(true);
  expect(await (await patch(token, { name: null })).json()).toMatchObject({ name: null, bio: "شاعر" });
  expect((await patch(token, {})).status).toBe(200);
  expect(await (await api("/api/users/me", { token })).json()).toMatchObject({
    name: null,
    bio: "شاعر",
    locale: "fa-IR",
  });
});

it("parallel changes of different fields all survive", async () => {
  const { token } = await signUp();
  await Promise.all([{ name: "Forugh" }, { bio: "Poet" }, { locale: "fa" }].map((fields) => patch(token, fields)));
  const me = await api("/api/users/me", { token });
  expect(await me.json()).toMatchObject({ name: "Forugh", bio: "Poet", locale: "fa" });
});

it("takes values up to their limits", async () => {
  const { token } = await signUp();
  const limits = { name: "x".repeat(100), bio: "x".repeat(500), locale: "zh-Hant-TW" };
  expect(await (await patch(token, limits)).json()).toMatchObject(limits);
});

it.each([
  ["a name of 101 characters", { name: "x".repeat(101) }],
  ["an empty name", { name: "" }],
  ["a name of spaces", { name: "   " }],
  ["a NUL in a name", { name: "a\u0000b" }],
  ["a line break in a name", { name: "a\r\nb" }],
  ["half a character in a name", { name: "\ud800" }],
  ["a number for a name", { name: 1 }],
  ["a list for a name", { name: ["x"] }],
  ["a bio of 501 characters", { bio: "x".repeat(501) }],
  ["a locale of one letter", { locale: "f" }],
  ["a locale with an underscore", { locale: "fa_IR" }],
  ["markup for a locale", { locale: "<script>" }],
  ["a locale of 36 characters", { locale: `en-${"abcdefgh-".repeat(3)}abcdef` }],
  ["role", { role: "admin" }],
  ["status", { status: "active" }],
  ["phone", { phone: "+989121234567" }],
  ["id", { id: "usr_1" }],
  ["userId", { userId: "usr_1" }],
  ["planId", { planId: "pro" }],
  ["passwordHash", { passwordHash: "x" }],
  ["createdAt", { createdAt: "2020-01-01T00:00:00.000Z" }],
])("refuses %s with 422 and changes nothing", async (_, body) => {
  const { token, user } = await signUp();
  const response = await patch(token, body);
  expect(response.status).toBe(422);
  expect(await issuePaths(response)).toEqual(Object.keys(body));
  expect(await (await api("/api/users/me", { token })).json()).toEqual(user);
});

it("text is stored as it is: SQL and markup are only characters", async () => {
  const { token } = await signUp();
  const name = `'; DROP TABLE users; -- <b>"`;
  expect(await (await patch(token, { name })).json()).toMatchObject({ name });
});

it("the session of an account that is gone is not authenticated", async () => {
  const { token, userId } = await signUp();
  await db.delete(users).where(eq(users.id, userId));
  expect((await api("/api/users/me", { token })).status).toBe(401);
  expect((await patch(token, { name: "x" })).status).toBe(401);
});

it("keeps the line breaks of a bio", async () => {
  const { token } = await signUp();
  const changed = await api("/api/users/me", { method: "PATCH", token, json: { bio: "Poet\nin Tehran" } });
  expect(await changed.json()).toMatchObject({ bio: "Poet\nin Tehran" });
});

it("has an ETag that changes with the account, and says when nothing has", async () => {
  const { token } = await signUp();
  const first = await api("/api/users/me", { token });
  const etag = first.headers.get("etag") ?? "";
  expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
  const same = await api("/api/users/me", { token, headers: { "If-None-Match": etag } });
  expect([same.status, await same.text(), same.headers.get("etag")]).toEqual([304, "", etag]);
  await api("/api/users/me", { token, method: "PATCH", json: { name: "Parvin" } });
  const changed = await api("/api/users/me", { token, headers: { "If-None-Match": etag } });
  expect(changed.status).toBe(200);
  expect(changed.headers.get("etag")).not.toBe(etag);
});

it("answers 412 for a stale If-Match, and lets one of several racing writers through", async () => {
  const { token } = await signUp();
  const etag = (await api("/api/users/me", { token })).headers.get("etag") ?? "";
  const write = (ifMatch: string, name: string) =>
    api("/api/users/me", { token, method: "PATCH", json: { name }, headers: { "If-Match": ifMatch } });
  const racing = await Promise.all(["a", "b", "c", "d"].map((name) => write(etag, name)));
  expect(racing.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
  const winner = racing.find(({ status }) => status === 200);
  const name = ((await winner?.json()) as User | undefined)?.name;
  const stale = await write(etag, "late");
  expect([stale.status, await stale.json()]).toMatchObject([412, { code: "precondition_failed" }]);
  expect(await (await api("/api/users/me", { token })).json()).toMatchObject({ name });
  const any = await write("*", "any");
  expect(any.status).toBe(200);
  const listed = await write(`"other", ${any.headers.get("etag")}`, "listed");
  expect(listed.status).toBe(200);
  const weakened = `W/${listed.headers.get("etag")}`;
  expect([(await write(weakened, "weak")).status, (await write(weakened, "stale")).status]).toEqual([200, 412]);
});
