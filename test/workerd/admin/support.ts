import { eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { users } from "../../../src/db/d1/schema/index.ts";
import { type ApiOptions, api, type Session, type SignedUp, signUp, type User } from "../support/client.ts";
import { db } from "../support/database.ts";

export type Account = User & { readonly status: "active" | "pending" | "disabled" };

/** A login by password; null when it is refused. */
export async function logIn(user: Pick<SignedUp, "phone" | "password">): Promise<Session | null> {
  const response = await api("/api/auth/login", { json: { phone: user.phone, password: user.password } });
  if (response.status === 200) return (await response.json()) as Session;
  expect(response.status).toBe(401);
  return null;
}

/** An admin, made as the operator's command makes one: in the database, before logging in. */
export async function signUpAdmin(): Promise<SignedUp> {
  const user = await signUp();
  await db
    .update(users)
    .set({ role: "admin", sessionEpoch: sql`${users.sessionEpoch} + 1` })
    .where(eq(users.id, user.userId));
  const session = await logIn(user);
  if (session === null) throw new Error("the admin could not log in");
  return { ...user, ...session, token: session.accessToken };
}

export async function signUpVendor(admin: SignedUp): Promise<SignedUp> {
  const user = await signUp({ role: "vendor" });
  await approve(admin, user);
  return user;
}

export const pathOf = (user: { readonly userId: string }, tail = "") => `/api/admin/users/${user.userId}${tail}`;

const command = (tail: string) => (admin: SignedUp, user: { readonly userId: string }) =>
  api(pathOf(user, tail), { method: "POST", token: admin.token });
export const approve = command("/approve");
export const disable = command("/disable");
export const enable = command("/enable");
export const endSessions = command("/end-sessions");
export const setRole = (admin: SignedUp, user: { readonly userId: string }, role: string) =>
  api(pathOf(user, "/role"), { method: "PUT", token: admin.token, json: { role } });

/** The account as admins see it. */
export async function accountOf(admin: SignedUp, user: { readonly userId: string }): Promise<Account> {
  const response = await api(pathOf(user), { token: admin.token });
  expect(response.status).toBe(200);
  return ((await response.json()) as { user: Account }).user;
}

/** The code of a refusal. */
export async function refused(response: Promise<Response> | Response, status: number): Promise<string> {
  const answer = await response;
  expect(answer.status).toBe(status);
  return ((await answer.json()) as { code: string }).code;
}

export async function isSignedIn({ token }: Pick<SignedUp, "token">): Promise<boolean> {
  const { status } = await api("/api/users/me", { token });
  expect([200, 401]).toContain(status);
  return status === 200;
}

export const refresh = (session: Pick<Session, "refreshToken">) =>
  api("/api/auth/refresh", { json: { refreshToken: session.refreshToken } });

export interface AuditEvent {
  readonly action: string;
  readonly outcome: string;
  readonly actorId: string;
  readonly subjectId: string;
  readonly sessionId: string | null;
  readonly detail: Record<string, unknown> | null;
}

/** What an admin did, or tried, to an account; newest first. */
export async function eventsOf(admin: SignedUp, user: { readonly userId: string }): Promise<AuditEvent[]> {
  const path = `/api/admin/audit?limit=100&user=${user.userId}&actor=${admin.userId}`;
  const response = await api(path, { token: admin.token });
  expect(response.status).toBe(200);
  return ((await response.json()) as { items: AuditEvent[] }).items;
}

export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly role: string;
  readonly operationId: string;
}

/** Every operation the service says it has. */
export async function operations(): Promise<Operation[]> {
  const document = (await (await api("/api/docs/openapi.json")).json()) as {
    paths: Record<string, Record<string, { "x-role": string; operationId: string }>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]) => {
      const method = verb.toUpperCase();
      return { name: `${method} ${path}`, method, path, role: operation["x-role"], operationId: operation.operationId };
    }),
  );
}

/** A request that an operation would take, as far as its address and body go. */
export function requestOf({ method, path }: Operation, target: SignedUp): [string, ApiOptions] {
  const address = path.replace("{id}", target.userId).replace("{sessionId}", target.sessionId);
  if (path.endsWith("/role")) return [address, { method, json: { role: "admin" } }];
  if (path.endsWith("/quota-grants")) return [address, { method, json: { units: 5 } }];
  if (path.endsWith("/force")) return [address.replace("{circuit}", "gemini:x"), { method, json: { state: "auto" } }];
  return [address, { method }];
}
