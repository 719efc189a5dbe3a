import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, vi } from "vitest";
import type { UserSessionsApi } from "../../../durable-objects/user-sessions/contract.ts";
import { createApp } from "../../../src/app.ts";
import { type ApiServices, createApiServices } from "../../../src/composition/services.ts";
import { doneAnonymously } from "../../../src/kernel/audit.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { changeAccount } from "../../../src/modules/auth/index.ts";
import type { AccountChange } from "../../../src/modules/users/repository.ts";
import { type ApiOptions, api, apiRequest, type Session } from "./client.ts";
import { bindings } from "./database.ts";

export const SECRET = "test-secret-test-secret-test-secret-0001";

export type Tokens = Omit<Session, "user">;

/** Lets every clock in the process show another time, the objects' too; timers stay real. Undo with `useRealTimers`. */
export function setClock(epochMs: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: epochMs });
}

/**
 * An app in one environment of its own, for many requests. Its answers don't wait for background work; `settled` does.
 */
export function appWith(overrides: object) {
  const app = createApp();
  const environment = { ...bindings, ...overrides };
  const contexts: ExecutionContext[] = [];
  return {
    async fetch(path: string, options: ApiOptions = {}): Promise<Response> {
      const context = createExecutionContext();
      contexts.push(context);
      return app.fetch(apiRequest(path, options), environment, context);
    },
    async settled(): Promise<void> {
      await Promise.all(contexts.splice(0).map((context) => waitOnExecutionContext(context)));
    },
  };
}

/** Runs `use` with the api's services in another environment, and waits for what it left in the background. */
export async function withServices<T>(use: (services: ApiServices) => Promise<T>, overrides: object = {}): Promise<T> {
  const context = createExecutionContext();
  const result = await use(createApiServices({ ...bindings, ...overrides }, context));
  await waitOnExecutionContext(context);
  return result;
}

export const login = (json: unknown, headers: Readonly<Record<string, string>> = {}) =>
  api("/api/auth/login", { json, headers });

/** Signs in with a password. */
export async function signIn(account: { readonly phone: string; readonly password: string }): Promise<Session> {
  const response = await login({ phone: account.phone, password: account.password });
  expect(response.status).toBe(200);
  return (await response.json()) as Session;
}

export const refresh = (refreshToken: string) => api("/api/auth/refresh", { json: { refreshToken } });

/** Refreshes a token that must be good. */
export async function refreshed(refreshToken: string): Promise<Tokens> {
  const response = await refresh(refreshToken);
  expect(response.status).toBe(200);
  return (await response.json()) as Tokens;
}

/** What a request under the access token is answered with. */
export async function meStatus(token: string): Promise<number> {
  return (await api("/api/users/me", { token })).status;
}

/** Expects that nothing works any more under a session's tokens. */
export async function expectSignedOut(session: Pick<Tokens, "accessToken" | "refreshToken">): Promise<void> {
  expect(await meStatus(session.accessToken)).toBe(401);
  expect((await refresh(session.refreshToken)).status).toBe(401);
}

/** A hasher over the real one that counts what it is asked. */
export function countingHasher(change: Partial<Record<"hash" | "verify", () => Promise<never>>> = {}) {
  const calls = { verify: 0, hash: 0 };
  return {
    calls,
    async hash(password: string) {
      calls.hash++;
      return change.hash ? change.hash() : bindings.HASHER.hash(password);
    },
    async verify(password: string, stored: string | null) {
      calls.verify++;
      return change.verify ? change.verify() : bindings.HASHER.verify(password, stored);
    },
  };
}

type SessionMethod = keyof UserSessionsApi;
const SESSION_METHODS = ["open", "check", "refresh", "list", "end", "advance"] as const satisfies SessionMethod[];

/** The session objects with `before` run ahead of every call; it may throw in the object's place. */
export function watchedSessions(before: (method: SessionMethod) => void | Promise<void>) {
  return {
    getByName(name: string) {
      const stub = bindings.USER_SESSIONS.getByName(name) as unknown as Record<string, (...a: unknown[]) => unknown>;
      const call = (method: SessionMethod) => [
        method,
        async (...parameters: unknown[]) => {
          await before(method);
          return stub[method]?.(...parameters);
        },
      ];
      return Object.fromEntries(SESSION_METHODS.map(call));
    },
  };
}

/** Session objects that can't be reached by these methods, as after an outage in the middle of a request. */
export function unreachableSessions(...methods: SessionMethod[]) {
  return watchedSessions((method) => {
    if (methods.includes(method)) throw new Error("unreachable");
  });
}

/** Changes an account as an administrator would. */
export function changeUser(
  userId: string,
  set: AccountChange["set"],
  effect: AccountChange["effect"] = "end",
): Promise<boolean> {
  const stamp = { eventId: newId("aud", Date.now()), action: "admin.set_role", ipPrefix: null } as const;
  const subject = { userId };
  const event = doneAnonymously(subject, { ...stamp, subject, detail: null }, Date.now());
  return withServices((services) => changeAccount(services, { userId, set, effect, keep: null, event }));
}
