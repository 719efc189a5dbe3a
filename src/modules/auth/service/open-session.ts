import { effectiveRole } from "../../../kernel/request-context.ts";
import type { SessionClient, SessionTokens } from "../../../ports/session-store.ts";
import type { User } from "../../users/index.ts";
import type { AuthDeps } from "../deps.ts";

/** A new session of a user, with its first tokens. */
export interface SignedIn extends Omit<SessionTokens, "generation"> {
  readonly user: User;
  readonly accessToken: string;
  readonly expiresIn: number;
  /** For the device to keep; null when the one it has is still good. */
  readonly deviceToken: string | null;
}

/**
 * Opens a session. Nobody can use it before its tokens are given away, which is done once what belongs to it has been
 * written; {@link signIn} makes them. @returns null when the account has changed since `user` was read.
 */
export function openSession(
  deps: Pick<AuthDeps, "sessions">,
  user: User,
  client: SessionClient,
  proof: string | null = null,
): Promise<SessionTokens | null> {
  const standing = { role: user.role, status: user.status, epoch: user.sessionEpoch };
  return deps.sessions.open(user.id, standing, client, proof);
}

/** The answer to whoever has just signed in. */
export async function signIn(
  deps: Pick<AuthDeps, "accessTokens">,
  user: User,
  session: SessionTokens,
  deviceToken: string | null,
): Promise<SignedIn> {
  const { generation, ...tokens } = session;
  const subject = { userId: user.id, sessionId: session.sessionId, generation, role: effectiveRole(user) };
  return { user, ...tokens, ...(await deps.accessTokens.sign(subject)), deviceToken };
}
