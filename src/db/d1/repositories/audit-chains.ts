import { getTableColumns, type SQL, sql } from "drizzle-orm";
import type { AuditAction } from "../../../kernel/audit.ts";
import { readDetail } from "../../../modules/audit/chain.ts";
import type { AuditRecord, AuditRepository, ChainExtension, ChainHead } from "../../../modules/audit/repository.ts";
import type { Database } from "../atomic.ts";
import { auditLog } from "../schema/index.ts";

/** Detail as text: what somebody else wrote into it must not break reading the log. */
export const auditColumns = { ...getTableColumns(auditLog), detail: sql<string | null>`${auditLog.detail}` };
type Row = Omit<typeof auditLog.$inferSelect, "detail"> & { readonly detail: string | null };

export function toRecord(row: Row): AuditRecord {
  const { userId, detail, seq: _seq, salt: _salt, digest: _digest, hash: _hash, ...rest } = row;
  return { ...rest, subjectId: userId, action: row.action as AuditAction, detail: readDetail(detail) };
}

/** Any number of ids as one bound parameter, `given.value`. */
const given = (ids: readonly string[]): SQL => sql`json_each(${JSON.stringify(ids)}) AS given`;

/** An event that waits for the linker. One with leftovers of a link was taken out of a chain, and stays out. */
const waits = sql`seq IS NULL AND salt IS NULL AND digest IS NULL AND hash IS NULL`;

/** From one subject to the next by the index, however many events each has. */
function waitingStatement(limit: number): SQL {
  const next = (after: SQL) => sql`(SELECT user_id FROM ${auditLog} WHERE seq IS NULL AND user_id > ${after}
    ORDER BY user_id LIMIT 1)`;
  return sql`WITH RECURSIVE subjects(id) AS (
      SELECT ${next(sql`''`)} UNION ALL SELECT ${next(sql`subjects.id`)} FROM subjects WHERE subjects.id IS NOT NULL
    ), waiting AS MATERIALIZED (
      SELECT id, (SELECT id FROM ${auditLog} WHERE user_id = subjects.id AND ${waits} ORDER BY id LIMIT 1) AS oldest
      FROM subjects
    )
    SELECT id FROM waiting WHERE oldest IS NOT NULL ORDER BY oldest LIMIT ${limit}`;
}

const textOf = (head: ChainHead | null) => (head === null ? "" : `${head.seq}:${head.hash}`);

/**
 * One statement, so that each chain gets all of its links or none. An unlinked event changes only by being linked,
 * renamed or erased; then its digest would be of what it no longer says, so it must be as it was when the link was made.
 */
function linkStatement(extensions: readonly ChainExtension[]): SQL {
  const links = extensions.flatMap(({ events }) =>
    events.map(({ detail, ...event }) => ({ ...event, erased: detail === null ? 1 : 0 })),
  );
  const chains = extensions.map(({ subjectId, head, events }) => ({
    subjectId,
    head: textOf(head),
    count: events.length,
  }));
  return sql`WITH links AS (SELECT value AS link FROM json_each(${JSON.stringify(links)})),
    ready AS MATERIALIZED (
      SELECT a.id, a.user_id, link ->> 'seq' AS seq, link ->> 'salt' AS salt, link ->> 'digest' AS digest, link ->> 'hash' AS hash
      FROM links CROSS JOIN ${auditLog} a ON a.id = link ->> 'id'
      WHERE a.user_id = link ->> 'subjectId' AND a.seq IS NULL AND a.actor_id = link ->> 'actorId'
        AND a.session_id IS link ->> 'sessionId' AND a.ip_prefix IS link ->> 'ipPrefix'
        AND (a.detail IS NULL) = link ->> 'erased'
    ),
    chains AS (SELECT value AS chain FROM json_each(${JSON.stringify(chains)})),
    sound AS MATERIALIZED (
      SELECT chain ->> 'subjectId' AS user_id FROM chains
      WHERE (SELECT count(*) FROM ready WHERE ready.user_id = chain ->> 'subjectId') = chain ->> 'count'
        AND coalesce(
          (SELECT seq || ':' || hash FROM ${auditLog} WHERE user_id = chain ->> 'subjectId' AND seq IS NOT NULL
            ORDER BY seq DESC LIMIT 1),
          ''
        ) = chain ->> 'head'
    )
    UPDATE ${auditLog} SET seq = ready.seq, salt = ready.salt, digest = ready.digest, hash = ready.hash
    FROM ready WHERE ${auditLog.id} = ready.id AND ready.user_id IN (SELECT user_id FROM sound)
    RETURNING user_id AS subject`;
}

/** Linking, any number of subjects a statement. */
export function createAuditChains(db: Database): Pick<AuditRepository, "listWaiting" | "tails" | "link"> {
  return {
    async listWaiting(limit) {
      const rows = await db.all<{ id: string }>(waitingStatement(limit));
      return rows.map((row) => row.id);
    },

    async tails(subjectIds, limit) {
      const last = sql`(SELECT max(seq) FROM ${auditLog} WHERE user_id = given.value AND seq IS NOT NULL)`;
      const nth = sql`(SELECT id FROM ${auditLog} WHERE user_id = given.value AND ${waits}
        ORDER BY id LIMIT 1 OFFSET ${limit - 1})`;
      // No text is above a blob.
      const [heads, unlinked] = await db.batch([
        db
          .select({ subjectId: auditLog.userId, seq: auditLog.seq, hash: auditLog.hash })
          .from(given(subjectIds))
          .crossJoin(auditLog)
          .where(sql`${auditLog.userId} = given.value AND ${auditLog.seq} = ${last}`),
        db
          .select(auditColumns)
          .from(given(subjectIds))
          .crossJoin(auditLog)
          .where(sql`${auditLog.userId} = given.value AND ${waits} AND ${auditLog.id} <= coalesce(${nth}, x'')`)
          .orderBy(auditLog.id),
      ]);
      const headOf = new Map(heads.map(({ subjectId, seq, hash }) => [subjectId, { seq, hash } as ChainHead]));
      const unlinkedOf = Map.groupBy(unlinked.map(toRecord), ({ subjectId }) => subjectId);
      return subjectIds.map((subjectId) => ({
        subjectId,
        head: headOf.get(subjectId) ?? null,
        unlinked: unlinkedOf.get(subjectId) ?? [],
      }));
    },

    async link(chains) {
      const rows = await db.all<{ subject: string }>(linkStatement(chains));
      return new Set(rows.map((row) => row.subject));
    },
  };
}
