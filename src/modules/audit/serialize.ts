import { toTimestamp } from "../../kernel/clock.ts";
import type { AuditRecord } from "./repository.ts";
import type { AuditEntryBody, AuditEventBody } from "./schemas.ts";

/** An event for the user it concerns. */
export function serializeEntry({ id, action, outcome, sessionId, ipPrefix, createdAt }: AuditRecord): AuditEntryBody {
  return { id, action, outcome, sessionId, ipPrefix, createdAt: toTimestamp(createdAt) };
}

/** An event for admins. */
export function serializeEvent(event: AuditRecord): AuditEventBody {
  const { id, subjectId, actorId, action, outcome, sessionId, ipPrefix, detail } = event;
  const createdAt = toTimestamp(event.createdAt);
  return { id, subjectId, actorId, action, outcome, sessionId, ipPrefix, detail, createdAt };
}
