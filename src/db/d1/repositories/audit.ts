import { and, asc, desc, eq, getTableColumns, gt, gte, isNotNull, isNull, lt, type SQL, sql } from "drizzle-orm";
import type { AuditAction, AuditEvent } from "../../../kernel/audit.ts";
import { idBound } from "../../../kernel/ids.ts";
import { toPage } from "../../../kernel/page.ts";
import { type LinkedRecord, readDetail } from "../../../modules/audit/chain.ts";
import type { AuditFilter, AuditRecord, AuditRepository } from "../../../modules/audit/repository.ts";
import type { Database } from "../atomic.ts";
import { auditLog, users } from "../schema/index.ts";

/** The subject's id as SQL: a phone becomes its account where it has one in this very transaction. */
function subjectId({ subject }: AuditEvent): SQL {
  if ("userId" in subject) return sql`${subject.userId}`;
  return sql`coalesce((SELECT ${users.id} FROM ${users} WHERE ${users.phone} = ${subject.phone}), ${subject.pseudonym})`;
}

/** The insert of an event, for the batch of the change it tells of; `condition` is that the change was made. */
export function auditInsert(db: Database, event: AuditEvent, condition: SQL = sql`1`) {
  const detail = event.detail === null ? null : JSON.stringify(event.detail);
  return db.insert(auditLog).select(
    sql`SELECT ${event.id}, ${subjectId(event)}, ${event.actorId}, ${event.action}, ${event.outcome}, ${event.sessionId},
      ${event.ipPrefix}, ${detail}, ${event.createdAt}, NULL, NULL, NULL, NULL WHERE ${condition}`,
  );
}

/** Detail as text: what somebody else wrote into it must not break reading the log. */
const columns = { ...getTableColumns(auditLog), detail: sql<string | null>`${auditLog.detail}` };
type Row = Omit<typeof auditLog.$inferSelect, "detail"> & { readonly detail: string | null };

const hasNoLink = and(isNull(auditLog.salt), isNull(auditLog.digest), isNull(auditLog.hash)) as SQL;

function toRecord(row: Row): AuditRecord {
  const { userId, detail, seq: _seq, salt: _salt, digest: _digest, hash: _hash, ...rest } = row;
  return { ...rest, subjectId: userId, action: row.action as AuditAction, detail: readDetail(detail) };
}

/** Nulls where none may be come from tampering; they equal no hash, which is what verification needs. */
function toLinked(row: Row): LinkedRecord {
  const { seq, salt, digest, hash } = row;
  return { ...toRecord(row), seq: seq as number, salt, digest: digest as string, hash: hash as string };
}

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

/**
 * One statement, so that it links all or nothing. An unlinked event changes only by being linked, renamed or erased;
 * then its digest would be of what it no longer says, so it must be as it was when the link was made.
 */
function linkStatement(subject: string, head: { seq: number; hash: string } | null, events: readonly LinkedRecord[]) {
  const links = JSON.stringify(events.map(({ detail, ...event }) => ({ ...event, erased: detail === null ? 1 : 0 })));
  return sql`WITH links AS (SELECT value AS link FROM json_each(${links})),
    ready AS (
      SELECT a.id, link ->> 'seq' AS seq, link ->> 'salt' AS salt, link ->> 'digest' AS digest, link ->> 'hash' AS hash
      FROM links CROSS JOIN ${auditLog} a ON a.id = link ->> 'id'
      WHERE a.user_id = ${subject} AND a.seq IS NULL AND a.actor_id = link ->> 'actorId'
        AND a.session_id IS link ->> 'sessionId' AND a.ip_prefix IS link ->> 'ipPrefix'
        AND (a.detail IS NULL) = link ->> 'erased'
    )
    UPDATE ${auditLog} SET seq = ready.seq, salt = ready.salt, digest = ready.digest, hash = ready.hash
    FROM ready WHERE ${auditLog.id} = ready.id
      AND (SELECT count(*) FROM ready) = ${events.length}
      AND coalesce(
        (SELECT seq || ':' || hash FROM ${auditLog} WHERE user_id = ${subject} AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1),
        ''
      ) = ${head === null ? "" : `${head.seq}:${head.hash}`}`;
}

/** The audit log in D1. */
export function createD1AuditRepository(db: Database): AuditRepository {
  // With the bound, even where it is none, SQLite takes the index that has them in order.
  const unlinkedOf = (subject: string, afterId: string) =>
    and(eq(auditLog.userId, subject), isNull(auditLog.seq), gt(auditLog.id, afterId));

  return {
    async record(event) {
      await auditInsert(db, event).onConflictDoNothing({ target: auditLog.id });
    },

    async list(filter, page) {
      const rows = await db
        .select(columns)
        .from(auditLog)
        .where(matching(filter, page.afterKey))
        .orderBy(desc(auditLog.id))
        .limit(page.limit + 1);
      return toPage(rows.map(toRecord), page.limit, (event) => event.id);
    },

    async listUnlinked(limit) {
      const rows = await db
        .selectDistinct({ subject: auditLog.userId })
        .from(auditLog)
        .where(and(isNull(auditLog.seq), hasNoLink))
        .limit(limit);
      return rows.map((row) => row.subject);
    },

    async tail(subject, limit) {
      const [[head], unlinked] = await db.batch([
        db
          .select({ seq: auditLog.seq, hash: auditLog.hash })
          .from(auditLog)
          .where(and(eq(auditLog.userId, subject), isNotNull(auditLog.seq)))
          .orderBy(desc(auditLog.seq))
          .limit(1),
        db
          .select(columns)
          .from(auditLog)
          .where(and(unlinkedOf(subject, ""), hasNoLink))
          .orderBy(asc(auditLog.id))
          .limit(limit),
      ]);
      return {
        head: head === undefined ? null : { seq: head.seq as number, hash: head.hash as string },
        unlinked: unlinked.map(toRecord),
      };
    },

    async link(subject, head, events) {
      const { meta } = await db.run(linkStatement(subject, head, events));
      return meta.changes === events.length;
    },

    async chain(subject, afterSeq, limit) {
      const rows = await db
        .select(columns)
        .from(auditLog)
        .where(
          and(eq(auditLog.userId, subject), afterSeq === null ? isNotNull(auditLog.seq) : gt(auditLog.seq, afterSeq)),
        )
        .orderBy(asc(auditLog.seq))
        .limit(limit);
      return rows.map(toLinked);
    },

    async unlinked(subject, afterId, limit) {
      const rows = await db
        .select({ ...columns, stray: sql<number>`NOT (${hasNoLink})` })
        .from(auditLog)
        .where(unlinkedOf(subject, afterId))
        .orderBy(asc(auditLog.id))
        .limit(limit);
      return rows.map(({ stray, ...row }) => ({ ...toRecord(row), stray: stray === 1 }));
    },
  };
}
