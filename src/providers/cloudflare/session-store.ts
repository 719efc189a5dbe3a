import type { UserSessionsApi } from "../../../durable-objects/user-sessions/contract.ts";
import type { Config } from "../../kernel/config.ts";
import type { Keyring } from "../../kernel/keyring.ts";
import type { SessionStore, SessionTokens } from "../../ports/session-store.ts";
import { askObject } from "./ask-object.ts";
import { makeRefreshToken, readRefreshToken } from "./refresh-token.ts";

/** The UserSessions namespace, as far as it is used. */
export interface UserSessionsObjects {
  getByName(userId: string): UserSessionsApi;
}

export interface SessionStoreOptions {
  readonly keyring: Keyring;
  readonly limits: Config["sessions"];
}

const TIMEOUT_MS = 10_000;

const ask = <T>(answer: Promise<T>) => askObject(answer, TIMEOUT_MS);

interface State {
  readonly sessionId: string;
  readonly counter: number;
  readonly salt: string;
  readonly idleExpiresInMs: number;
}

/**
 * Sessions in one Durable Object a user.
 * @throws {AppError} `service_unavailable` from every method when the object can't be asked.
 */
export function createSessionStore(objects: UserSessionsObjects, options: SessionStoreOptions): SessionStore {
  const { keyring, limits } = options;
  const { idleMs, absoluteMs, graceMs, unusedGraceMs } = limits;

  async function tokensOf(userId: string, state: State): Promise<SessionTokens> {
    const { sessionId, counter, salt, idleExpiresInMs } = state;
    const refreshToken = await makeRefreshToken(keyring, { userId, sessionId, counter, salt });
    const refreshExpiresIn = Math.max(0, Math.floor(idleExpiresInMs / 1000));
    return { sessionId, refreshToken, refreshExpiresIn, generation: counter };
  }

  return {
    async open(userId, standing, { userAgent, ipPrefix }, proof) {
      const maxSessions = limits.maxPerUser;
      const request = { standing, proof, userAgent, ipPrefix, idleMs, absoluteMs, maxSessions };
      const answer = await ask(objects.getByName(userId).open(request));
      return answer.kind === "stale" ? null : tokensOf(userId, answer);
    },

    check: (userId, sessionId, generation) => ask(objects.getByName(userId).check(sessionId, generation)),

    async identify(refreshToken) {
      const claims = await readRefreshToken(keyring, refreshToken);
      return claims && { userId: claims.userId, sessionId: claims.sessionId };
    },

    async refresh(refreshToken) {
      const claims = await readRefreshToken(keyring, refreshToken);
      if (claims === null) return { kind: "refused" };
      const { userId, sessionId, counter, salt } = claims;
      const request = { sessionId, counter, salt, idleMs, graceMs, unusedGraceMs };
      const answer = await ask(objects.getByName(userId).refresh(request));
      if (answer.kind === "unknown") return { kind: "refused" };
      if (answer.kind === "reused") return { kind: "reused", userId, sessionId };
      const { role, status } = answer;
      return { kind: "refreshed", userId, role, status, ...(await tokensOf(userId, answer)) };
    },

    list: (userId) => ask(objects.getByName(userId).list()),
    end: (userId, sessionId) => ask(objects.getByName(userId).end(sessionId)),
    advance: ({ userId, standing, effect, keep }) =>
      ask(objects.getByName(userId).advance({ standing, effect, keep, restrictedMs: limits.accessTokenTtlMs })),
  };
}
