import { AppError } from "../../../kernel/app-error.ts";
import { Admission } from "../../../kernel/rate-limits.ts";
import { effectiveRole } from "../../../kernel/request-context.ts";
import type { Alert } from "../../../ports/alerts.ts";
import type { SessionTokens } from "../../../ports/session-store.ts";
import type { Caller } from "../caller.ts";
import type { AuthDeps } from "../deps.ts";

export interface Refreshed extends Omit<SessionTokens, "generation"> {
  readonly userId: string;
  readonly accessToken: string;
  readonly expiresIn: number;
}

/** One may be a client's mistake; many at once are stolen tokens, or a release of ours that breaks clients. */
const REUSE: Alert = {
  name: "refresh_reuse",
  about: "sessions",
  what: "Refresh tokens that had been replaced were used again, and their sessions ended",
  advice: "Look in the audit log for whose and from where, and whether a release came shortly before",
};

/**
 * Trades a refresh token for its successor and a fresh access token. A token this service did not make is refused before
 * anything is touched; one that was replaced before ends its session, access tokens included.
 * @throws {AppError} the same 401 whatever was wrong.
 */
export async function refresh(
  deps: Pick<AuthDeps, "config" | "sessions" | "accessTokens" | "rateLimiter" | "users" | "alerts">,
  caller: Caller,
  refreshToken: string,
): Promise<Refreshed> {
  const named = await deps.sessions.identify(refreshToken);
  if (named === null) throw new AppError("invalid_refresh_token");
  await new Admission(deps.rateLimiter).take(deps.config.limits.refreshPerSession, named.sessionId);
  const outcome = await deps.sessions.refresh(refreshToken);
  if (outcome.kind === "reused") deps.alerts.raise(REUSE);
  if (outcome.kind !== "refreshed") {
    // A token may outlive its account, and nothing is told of one that was erased.
    caller.audit.subject = (await deps.users.find(named.userId)) && { userId: named.userId };
    caller.audit.detail = { reused: outcome.kind === "reused", session: named.sessionId };
    throw new AppError("invalid_refresh_token");
  }
  const { kind: _, role, status, generation, ...tokens } = outcome;
  const subject = { userId: tokens.userId, sessionId: tokens.sessionId, generation };
  return { ...tokens, ...(await deps.accessTokens.sign({ ...subject, role: effectiveRole({ role, status }) })) };
}
