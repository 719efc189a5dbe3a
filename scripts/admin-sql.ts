/** The statements of `npm run admin`. */
import { randomUUID } from "node:crypto";
import { newId } from "../src/kernel/ids.ts";
import { sqlText } from "./d1.ts";

/** In the audit log: whoever has the database. */
const OPERATOR = "operator";

export interface Account {
  readonly id: string;
  readonly role: string;
  readonly status: string;
}

export const selectAccount = (phone: string) =>
  `SELECT id, role, status FROM users WHERE phone = ${sqlText(phone)} AND status <> 'deleted'`;

export const selectEvent = (id: string) => `SELECT id FROM audit_log WHERE id = ${sqlText(id)}`;

const CHANGES = {
  grant: { role: "admin", set: "role = 'admin', status = 'active'", when: "(role <> 'admin' OR status <> 'active')" },
  revoke: { role: "user", set: "role = 'user'", when: "role = 'admin'" },
} as const;
export type Command = keyof typeof CHANGES;

/**
 * The change, its audit event and the promise to tell the sessions, which the api's cron trigger keeps: all of them, or
 * none where the account is not as it was. The event is there exactly if the change was made.
 */
export function changeRole(command: Command, userId: string, now: number): { sql: string; eventId: string } {
  const { role, set, when } = CHANGES[command];
  const eventId = newId("aud", now);
  const writeId = randomUUID();
  const id = sqlText(userId);
  const made = `FROM users WHERE id = ${id} AND write_id = '${writeId}'`;
  const statements = [
    `UPDATE users SET ${set}, session_epoch = session_epoch + 1, write_id = '${writeId}',
      updated_at = max(updated_at, ${now}) WHERE id = ${id} AND status <> 'deleted' AND ${when}`,
    `INSERT INTO audit_log (id, user_id, actor_id, action, outcome, detail, created_at)
      SELECT '${eventId}', id, '${OPERATOR}', 'admin.set_role', 'success', json_object('role', '${role}'), ${now} ${made}`,
    `INSERT INTO outbox (id, topic, payload, due_at, created_at)
      SELECT '${newId("obx", now)}', 'sessions.advance', json_object('userId', id, 'epoch', session_epoch, 'role', role,
      'status', status, 'effect', 'restrict', 'keep', NULL), ${now}, ${now} ${made}`,
  ];
  return { sql: statements.map((statement) => `${statement};\n`).join(""), eventId };
}
