import { and, asc, desc, eq, gte, inArray, lt, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { AuditEvent } from "../../../kernel/audit.ts";
import { idBound } from "../../../kernel/ids.ts";
import { toPage } from "../../../kernel/page.ts";
import type { AuditFilter, AuditRepository } from "../../../modules/audit/repository.ts";
import type { Database } from "../atomic.ts";
import { auditLog, users } from "../schema/index.ts";
import { auditColumns, createAuditChains, toRecord } from "./audit-chains.ts";

/** The subject's id as SQL: a phone becomes its account where it has one in this very transaction. */
function subjectId({ subject }: AuditEvent): SQL {
  if ("userId" in subject) return sql`${subject.userId}`;
  return sql`coalesce((SELECT ${users.id} FROM ${users} WHERE ${users.phone} = ${subject.phone}), ${subject.pseudonym})`;
}

/** The columns of an event, in order. */
const EVENT_COLUMNS = [
  "id",
  "subject",
  "actorId",
  "action",
  "outcome",
  "sessionId",
  "ipPrefix",
  "detail",
  "createdAt",
] as const;
type EventColumn = (typeof EVENT_COLUMNS)[number];

/** The insert of an event given by its columns, of which each may be what stands for a value. */
export function auditInsertOf(
  db: Database,
  event: { readonly [K in EventColumn]: string | number | null | SQLWrapper },
  condition: SQL,
) {
  const columns = EVENT_COLUMNS.map((name) => sql`${event[name]}`);
  return db
    .insert(auditLog)
    .select(sql`SELECT ${sql.join(columns, sql`, `)}, NULL, NULL, NULL, NULL WHERE ${condition}`);
}

/** What is stored of an event's detail. */
export function detailText({ detail }: Pick<AuditEvent, "detail">): string | null {
  return detail === null ? null : JSON.stringify(detail);
}

/** The insert of an event, for the batch of the change it tells of; `condition` is that the change was made. */
export function auditInsert(db: Database, event: AuditEvent, condition: SQL = sql`1`) {
  return auditInsertOf(db, { ...event, subject: subjectId(event), detail: detailText(event) }, condition);
}

/** What is personal in an event; the trigger of the table lets nothing else be erased. */
export const PERSONAL = { sessionId: null, ipPrefix: null, detail: null, salt: null } as const;

/** As the index `audit_log_strangers` has it. A linked event loses its salt with the rest. */
const isStrangers = sql`${auditLog.salt} IS NOT NULL AND substr(${auditLog.userId}, 1, 4) = 'phn_'`;

/**
 * The narrowest equality finds the rows by its index, in order of id; the plus keeps SQLite from taking the index of
 * another one instead. The bounds are always there, so that without an equality the primary key does it.
 */
function matching(filter: AuditFilter, afterKey: string | null): SQL | undefined {
  const { subjectId, actorId, action, outcome, from, to } = filter;
  const equalities = (
    [
      [auditLog.userId, subjectId],
      [auditLog.actorId, actorId],
      [auditLog.action, action],
    ] as const
  ).filter(([, value]) => value !== undefined);
  // One upper bound: of two, SQLite might seek to the wrong one and walk from there to the other, on each page.
  const below = [afterKey, to === undefined ? null : idBound("aud", to)].filter((id) => id !== null).sort();
  return and(
    ...equalities.map(([column, value], i) => (i === 0 ? sql`${column} = ${value}` : sql`+${column} = ${value}`)),
    outcome === undefined ? undefined : eq(auditLog.outcome, outcome),
    gte(auditLog.id, idBound("aud", from ?? 0)),
    below[0] === undefined ? undefined : lt(auditLog.id, below[0]),
  );
}

/** The audit log in D1. */
export function createD1AuditRepository(db: Database): AuditRepository {
  return {
    async record(event) {
      // The table's trigger, which comes before any ON CONFLICT, refuses an id that is there.
      await auditInsert(db, event, sql`NOT EXISTS (SELECT 1 FROM ${auditLog} WHERE ${auditLog.id} = ${event.id})`);
    },

    async list(filter, page) {
      const rows = await db
        .select(auditColumns)
        .from(auditLog)
        .where(matching(filter, page.afterKey))
        .orderBy(desc(auditLog.id))
        .limit(page.limit + 1);
      return toPage(rows.map(toRecord), page.limit, (event) => event.id);
    },

    ...createAuditChains(db),

    async stripStrangers(before, limit) {
      const found = db
        .select({ id: auditLog.id })
        .from(auditLog)
        .where(and(isStrangers, lt(auditLog.createdAt, before)))
        .orderBy(asc(auditLog.createdAt))
        .limit(limit);
      const { meta } = await db.update(auditLog).set(PERSONAL).where(inArray(auditLog.id, found));
      return meta.changes;
    },
  };
}
