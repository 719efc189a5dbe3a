import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { users, verificationTokens } from "../../../src/db/d1/schema/index.ts";
import { apiWith, issuePaths, problemOf } from "../support/app.ts";
import { api, newPhone, PASSWORD, type Session, signUp, verifiedPhone } from "../support/client.ts";
import { db } from "../support/database.ts";

const register = (json: unknown) => api("/api/auth/register", { json });

it("a verified phone becomes an account that is signed in", async () => {
  const phone = newPhone();
  const response = await register({
    verificationToken: await verifiedPhone(phone),
    password: PASSWORD,
    name: "  Parvin ",
  });
  expect(response.status).toBe(201);
  const session = (await response.json()) as Session;
  expect(session).toEqual({
    user: {
      id: expect.stringMatching(/^usr_[0-9A-Z]{26}$/),
      phone,
      name: "Parvin",
      bio: null,
      locale: null,
      role: "user",
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: session.user.createdAt,
    },
    accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    tokenType: "Bearer",
    expiresIn: 600,
    refreshToken: expect.stringMatching(/^[\w-]{140}$/),
    refreshExpiresIn: 86_400,
    sessionId: expect.stringMatching(/^ses_[0-9A-Z]{26}$/),
  });
  const me = await api("/api/users/me", { token: session.accessToken });
  expect(await me.json()).toEqual(session.user);
});

it("one token used twice in parallel makes one user", async () => {
  const phone = newPhone();
  const verificationToken = await verifiedPhone(phone);
  const responses = await Promise.all(
    Array.from({ length: 10 }, () => register({ verificationToken, password: PASSWORD })),
  );
  const statuses = responses.map((response) => response.status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.every((status) => [201, 400, 409].includes(status))).toBe(true);
  expect(await db.select().from(users).where(eq(users.phone, phone))).toHaveLength(1);
});

it("ten tokens of one phone used in parallel make one user", async () => {
  const phone = newPhone();
  const tokens: string[] = [];
  for (let i = 0; i < 10; i++) tokens.push(await verifiedPhone(phone));
  const responses = await Promise.all(
    tokens.map((verificationToken) => register({ verificationToken, password: PASSWORD })),
  );
  const statuses = responses.map((response) => response.status).sort();
  expect(statuses).toEqual([201, ...new Array<number>(9).fill(409)]);
  expect(await db.select().from(users).where(eq(users.phone, phone))).toHaveLength(1);
});

it("a known phone is 409", async () => {
  const { phone } = await signUp();
  const response = await register({ verificationToken: await verifiedPhone(phone), password: PASSWORD });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ code: "already_registered" });
});

it("a token that is unknown, used, expired or for another purpose is one and the same 400", async () => {
  const used = await verifiedPhone(newPhone());
  expect((await register({ verificationToken: used, password: PASSWORD })).status).toBe(201);
  const expiredPhone = newPhone();
  const expired = await verifiedPhone(expiredPhone);
  await db
    .update(verificationTokens)
    .set({ expiresAt: Date.now() - 1 })
    .where(eq(verificationTokens.phone, expiredPhone));
  const login = await verifiedPhone((await signUp()).phone, "login");
  const problems = new Set<string>();
  for (const verificationToken of ["nonsense", "A".repeat(43), used, expired, login]) {
    const response = await register({ verificationToken, password: PASSWORD });
    expect(response.status).toBe(400);
    problems.add(JSON.stringify(await problemOf(response)));
  }
  expect(problems.size).toBe(1);
  expect([...problems][0]).toContain('"code":"invalid_verification_token"');
});

it("a refused body does not burn the token", async () => {
  const phone = newPhone();
  const verificationToken = await verifiedPhone(phone);
  const good = { verificationToken, password: PASSWORD };
  for (const [body, path] of [
    [{ ...good, password: "short" }, "password"],
    [{ ...good, password: "x".repeat(129) }, "password"],
    [{ ...good, password: "password123" }, "password"],
    [{ ...good, password: `0${phone.slice(3)}` }, "password"],
    [{ ...good, password: "long enough\u0000but" }, "password"],
    [{ ...good, name: "" }, "name"],
    [{ ...good, name: "x".repeat(101) }, "name"],
    [{ ...good, name: "a\u0007b" }, "name"],
    [{ verificationToken }, "password"],
    [{ password: PASSWORD }, "verificationToken"],
    [{ ...good, role: "admin" }, "role"],
    [{ ...good, role: "USER" }, "role"],
    [{ ...good, status: "active" }, "status"],
    [{ ...good, userId: "usr_1" }, "userId"],
    [{ ...good, id: "usr_1" }, "id"],
    [{ ...good, is_active: true }, "is_active"],
    [{ ...good, phone: newPhone() }, "phone"],
    [{ ...good, planId: "pro" }, "planId"],
  ] as const) {
    const response = await register(body);
    expect(response.status, JSON.stringify(body)).toBe(422);
    expect(await issuePaths(response)).toEqual([path]);
  }
  expect((await register(good)).status).toBe(201);
});

it("a password's problem is told by its code", async () => {
  const response = await register({ verificationToken: "x", password: "password123" });
  expect(await response.json()).toMatchObject({ code: "validation_failed", errors: [{ code: "common_password" }] });
});

it("a failing hasher is 503 and does not burn the token", async () => {
  const json = { verificationToken: await verifiedPhone(newPhone()), password: PASSWORD };
  const HASHER = { hash: () => Promise.reject(new Error("overloaded")) };
  const response = await apiWith({ HASHER }, "/api/auth/register", { json });
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(await response.text()).not.toContain("overloaded");
  expect((await register(json)).status).toBe(201);
});

it("a vendor starts pending and can use the account; a user starts active", async () => {
  const vendor = await signUp({ role: "vendor" });
  expect(vendor.user.role).toBe("vendor");
  expect((await api("/api/users/me", { token: vendor.token })).status).toBe(200);
  const user = await signUp({ role: "user" });
  const statusOf = async (id: string) => (await db.select().from(users).where(eq(users.id, id)))[0]?.status;
  expect(await statusOf(vendor.userId)).toBe("pending");
  expect(await statusOf(user.userId)).toBe("active");
});

it("passwords of 128 characters and of Persian letters are taken whole", async () => {
  for (const password of ["گربه‌ی سیاه روی دیوار بلند نشسته", "the quick brown fox jumps ".repeat(5).slice(0, 128)]) {
    const phone = newPhone();
    expect((await register({ verificationToken: await verifiedPhone(phone), password })).status).toBe(201);
    const login = (attempt: string) => api("/api/auth/login", { json: { phone, password: attempt } });
    expect((await login(password)).status).toBe(200);
    expect((await login(`${password.slice(0, -1)}!`)).status).toBe(401);
    expect((await login(password.slice(0, -1))).status).toBe(401);
  }
});
