import { createD1AuditRepository } from "../../../src/db/d1/repositories/audit.ts";
import type { AuditEvent } from "../../../src/kernel/audit.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { LogFields } from "../../../src/kernel/logger.ts";
import { bindings, db } from "../support/database.ts";

export const audit = createD1AuditRepository(db);

let ticks = 0;

/** A time after that of every event made before: ids of one millisecond have no order. */
function tick(): number {
  ticks += 1;
  return Date.UTC(2026, 0, 1) + ticks;
}

/** An event of a user's own, with all fields filled. */
export function auditEvent(userId: string, change: Partial<AuditEvent> = {}): AuditEvent {
  const createdAt = change.createdAt ?? tick();
  return {
    id: newId("aud", createdAt),
    subject: { userId },
    actorId: userId,
    action: "auth.login",
    outcome: "success",
    sessionId: "ses_x",
    ipPrefix: "203.0.113.0/24",
    detail: { method: "password", attempt: 1 },
    createdAt,
    ...change,
  };
}

/** Records `count` events of a user. @returns their ids, oldest first. */
export async function recordEvents(userId: string, count: number, change: Partial<AuditEvent> = {}): Promise<string[]> {
  const events = Array.from({ length: count }, () => auditEvent(userId, change));
  for (const event of events) await audit.record(event);
  return events.map((event) => event.id);
}

export interface AuditStage {
  readonly deps: {
    readonly audit: typeof audit;
    readonly clock: { now(): number };
    readonly logger: { log(level: string, message: string, fields?: LogFields): void };
  };
  readonly logged: (LogFields & { readonly level: string; readonly message: string })[];
}

/** What the verbs take, with a log to look at. */
export function auditStage(change: Partial<AuditStage["deps"]> = {}): AuditStage {
  const logged: AuditStage["logged"] = [];
  const logger = {
    log: (level: string, message: string, fields: LogFields = {}) => logged.push({ ...fields, level, message }),
  };
  return { deps: { audit, clock: { now: () => Date.now() }, logger, ...change }, logged };
}

/** Runs SQL as somebody with the database in hands. */
export async function execute(statement: string, ...values: unknown[]): Promise<number> {
  const { meta } = await bindings.DB.prepare(statement)
    .bind(...values)
    .run();
  return meta.changes;
}

/** Many events of a user's at once, from long ago. @returns how many. */
export function insertEvents(userId: string, count: number): Promise<number> {
  return execute(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO audit_log (id, user_id, actor_id, action, outcome, ip_prefix, created_at)
     SELECT printf('aud_%022d_%s', i, ?1), ?1, ?1, 'auth.login', 'success', '203.0.113.0/24', i FROM n`,
    userId,
    count,
  );
}

/** What is stored of a subject's log. */
export async function rowsOf(subjectId: string): Promise<Record<string, unknown>[]> {
  const { results } = await bindings.DB.prepare("SELECT * FROM audit_log WHERE user_id = ? ORDER BY id")
    .bind(subjectId)
    .all();
  return results;
}
