import type { z } from "zod";
import { toTimestamp } from "../../kernel/clock.ts";
import type { SessionInfo } from "../../ports/session-store.ts";
import type { sessionInfoSchema } from "./schemas.ts";

/** Where somebody is signed in, as is shown: nothing that could be used. */
export function serializeSession(session: SessionInfo): z.output<typeof sessionInfoSchema> {
  const { id, userAgent, ipPrefix, createdAt, lastSeenAt, expiresAt } = session;
  return {
    id,
    userAgent,
    ipPrefix,
    createdAt: toTimestamp(createdAt),
    lastSeenAt: toTimestamp(lastSeenAt),
    expiresAt: toTimestamp(expiresAt),
  };
}
