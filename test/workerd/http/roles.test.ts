import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { users } from "../../../src/db/d1/schema/index.ts";
import type { UserRole, UserStatus } from "../../../src/kernel/request-context.ts";
import { apiWith } from "../support/app.ts";
import { api, PASSWORD, type Session, signUp } from "../support/client.ts";
import { db } from "../support/database.ts";

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly role: string;
  readonly isPublic: boolean;
}

async function routes(): Promise<Route[]> {
  const document = (await (await api("/api/docs/openapi.json")).json()) as {
    paths: Record<string, Record<string, { "x-role"?: string; security?: object[] }>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path.replace(/\{\w+\}/g, "none"),
      role: operation["x-role"] ?? "missing",
      isPublic: (operation.security ?? []).every((scheme) => Object.keys(scheme).length === 0),
    })),
  );
}

/** A signed-in user with that standing. */
async function as(role: UserRole, status: UserStatus = "active"): Promise<string> {
  const { userId, phone } = await signUp();
  await db.update(users).set({ role, status }).where(eq(users.id, userId));
  const response = await apiWith({}, "/api/auth/login", { json: { phone, password: PASSWORD } });
  expect(response.status).toBe(200);
  return ((await response.json()) as Session).accessToken;
}

/** Routes after which a token is worth nothing are asked with a fresh one each. */
const ENDS_SESSION = new Set(["DELETE /api/users/me", "POST /api/auth/logout", "POST /api/auth/logout-all"]);

it("every route says who it is for, and none that is for somebody is open to anyone", async () => {
  for (const { name, role, isPublic } of await routes()) {
    expect(["anyone", "user", "admin", "operator"], name).toContain(role);
    if (role !== "anyone" && role !== "operator") expect(isPublic, name).toBe(false);
  }
});

it.each([
  ["user", "active"],
  ["vendor", "active"],
  ["vendor", "pending"],
  ["admin", "active"],
] as const)("a %s who is %s gets into exactly the routes that are for him", async (role, status) => {
  let token = await as(role, status);
  for (const route of await routes()) {
    if (route.role === "anyone" || route.role === "operator") continue;
    const response = await api(route.path, { method: route.method, token });
    const isRefused = response.status === 403 || response.status === 401;
    expect(isRefused, `${route.name}: ${response.status}`).toBe(route.role === "admin" && role !== "admin");
    if (isRefused) expect(response.status, route.name).toBe(403);
    if (ENDS_SESSION.has(route.name)) token = await as(role, status);
  }
});

it("strangers get into no route that is for somebody", async () => {
  for (const route of await routes()) {
    if (route.role === "anyone" || route.role === "operator") continue;
    expect((await api(route.path, { method: route.method })).status, route.name).toBe(401);
  }
});
