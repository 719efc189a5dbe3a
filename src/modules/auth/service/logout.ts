import type { AuditStamp } from "../../../kernel/audit.ts";
import type { AccessTokenSubject } from "../access-tokens.ts";
import type { AuthDeps } from "../deps.ts";
import { endSession } from "./end-sessions.ts";

/** Ends the session an access token belongs to. One that has ended stays ended: logging out twice is no error. */
export async function logout(
  deps: Pick<AuthDeps, "clock" | "users" | "sessions" | "outbox" | "background">,
  subject: AccessTokenSubject,
  stamp: AuditStamp,
): Promise<void> {
  const { userId, sessionId, generation } = subject;
  if ((await deps.sessions.check(userId, sessionId, generation)) === null) return;
  await endSession(deps, subject, stamp, { userId, sessionId });
}
