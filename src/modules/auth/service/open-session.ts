import type { OpenedSession, SessionClient } from "../../../ports/session-store.ts";
import type { User } from "../../users/index.ts";
import type { AuthDeps } from "../deps.ts";

/** A new session of a user, with its first tokens. */
export interface SignedIn extends OpenedSession {
  readonly user: User;
  readonly accessToken: string;
  readonly expiresIn: number;
}

/** Opens a session for a user whose identity has just been proven. */
export async function openSession(
  deps: Pick<AuthDeps, "sessions" | "accessTokens">,
  user: User,
  client: SessionClient,
): Promise<SignedIn> {
  const session = await deps.sessions.open(user, client);
  const subject = { userId: user.id, sessionId: session.sessionId, role: user.role };
  return { user, ...session, ...(await deps.accessTokens.sign(subject)) };
}
