import type { UserSessionsApi } from "../../../durable-objects/user-sessions/contract.ts";
import { AppError } from "../../kernel/app-error.ts";
import type { Config } from "../../kernel/config.ts";
import type { Keyring } from "../../kernel/keyring.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import { makeRefreshToken } from "./refresh-token.ts";

/** The UserSessions namespace, as far as it is used. */
export interface UserSessionsObjects {
  getByName(userId: string): UserSessionsApi;
}

export interface SessionStoreOptions {
  readonly keyring: Keyring;
  readonly limits: Pick<Config["sessions"], "idleMs" | "absoluteMs" | "maxPerUser">;
}

/** Fails closed: without an answer from the object nobody is signed in. */
async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new AppError("service_unavailable", { cause });
  }
}

/**
 * Sessions in one Durable Object a user.
 * @throws {AppError} `service_unavailable` from every method when the object can't be asked; it is not asked twice,
 * for an overloaded object only suffers from retries.
 */
export function createSessionStore(objects: UserSessionsObjects, options: SessionStoreOptions): SessionStore {
  const { keyring, limits } = options;
  return {
    async open(user, client) {
      const request = {
        role: user.role,
        userAgent: client.userAgent,
        ipPrefix: client.ipPrefix,
        idleMs: limits.idleMs,
        absoluteMs: limits.absoluteMs,
        maxSessions: limits.maxPerUser,
      };
      const { sessionId, counter, salt, idleExpiresInMs } = await ask(objects.getByName(user.id).open(request));
      const refreshToken = await makeRefreshToken(keyring, { userId: user.id, sessionId, counter }, salt);
      return { sessionId, refreshToken, refreshExpiresIn: Math.floor(idleExpiresInMs / 1000) };
    },

    async check(userId, sessionId) {
      const role = await ask(objects.getByName(userId).check(sessionId));
      return role === null ? null : { role };
    },
  };
}
