import { and, eq, exists, inArray, type Query, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { AuditEvent } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import { type ConversionStatus, conversionKeys, sourcesOf } from "../../../modules/conversions/conversion.ts";
import type { EndStatus } from "../../../modules/conversions/repository.ts";
import { type Database, insertWhere, type Value } from "../atomic.ts";
import { conversionEvents, conversions, outbox, quotaLedger } from "../schema/index.ts";
import { auditInsert } from "./audit.ts";
import { countedProvider, growth, increment } from "./business-counters.ts";

/** A worker that lost its job may still store a result within this time; then what it stored is deleted. */
const LATE_RESULT_MS = 10 * 60_000;

export type Statement = BatchItem<"sqlite"> & { toSQL(): Query };

interface Transition {
  readonly id: Value<string>;
  readonly where: SQL | undefined;
  readonly set: Partial<Record<keyof typeof conversions.$inferInsert, unknown>>;
  readonly now: Value<number>;
  readonly event?: { readonly type: string; readonly cause: Value<string> };
  /** Ends the conversion: what becomes of its unit. Both are counted. */
  readonly ledger?: "committed" | "released";
  /** For the user's audit log, where it was the user's doing. */
  readonly audit?: AuditEvent | undefined;
  /** Statements around the update; `after` ones are conditional on `done`. */
  readonly before?: readonly Statement[];
  readonly after?: (done: SQL) => readonly Statement[];
}

export function held(lease: { readonly conversionId: Value<string>; readonly token: Value<string> }): SQL | undefined {
  return and(
    eq(conversions.id, lease.conversionId),
    eq(conversions.lease, lease.token),
    eq(conversions.status, "processing"),
  );
}

/** The guarded update, then its event and ledger entry, which happen only if the update did: for one batch. */
export function transitionStatements(db: Database, writeId: Value<string>, t: Transition): Statement[] {
  const written = db
    .select({ one: sql`1` })
    .from(conversions)
    .where(and(eq(conversions.id, t.id), eq(conversions.writeId, writeId)));
  const done = exists(written);
  const update = db
    .update(conversions)
    .set({
      ...t.set,
      version: sql`${conversions.version} + 1`,
      writeId,
      updatedAt: t.now,
    } as unknown as typeof conversions.$inferInsert)
    .where(t.where);
  const statements: Statement[] = [...(t.before ?? []), update];
  if (t.event) statements.push(eventInsert(db, t.id, writeId, t.event, t.now));
  if (t.ledger) {
    statements.push(
      countEnd(db, t.id, t.ledger, done),
      db
        .update(quotaLedger)
        .set({ state: t.ledger, settledAt: sql`${t.now}` })
        .where(and(eq(quotaLedger.conversionId, t.id), eq(quotaLedger.state, "reserved"), done)),
    );
  }
  if (t.audit) statements.push(auditInsert(db, t.audit, done));
  statements.push(...(t.after?.(done) ?? []));
  return statements;
}

/** One batch of {@link transitionStatements}. @returns whether the update was done. */
export async function transition(db: Database, t: Transition): Promise<boolean> {
  const statements = transitionStatements(db, crypto.randomUUID(), t);
  const results = (await db.batch(statements as [Statement, ...Statement[]])) as unknown as D1Result[];
  return results[t.before?.length ?? 0]?.meta.changes === 1;
}

/** Goes between the end and the change of the unit, which shows that the one has happened and the other has not. */
function countEnd(db: Database, id: Value<string>, event: "committed" | "released", done: SQL) {
  const { kind, status } = conversions;
  const { units, state, conversionId } = quotaLedger;
  const ended = sql`FROM ${conversions} WHERE ${conversions.id} = ${id}`;
  const unit = sql`FROM ${quotaLedger} WHERE ${conversionId} = ${id} AND ${state} = 'reserved'`;
  const growths = [
    growth("conversions_total", { kind, provider: countedProvider, status }, 1, ended),
    growth("quota_units_total", { event }, units, unit),
  ];
  return increment(db, growths, done);
}

function eventInsert(
  db: Database,
  id: Value<string>,
  writeId: Value<string>,
  event: { readonly type: string; readonly cause: Value<string> },
  now: Value<number>,
) {
  return db.insert(conversionEvents).select(
    db
      .select({
        conversionId: conversions.id,
        version: conversions.version,
        type: sql`${event.type}`.as("type"),
        status: conversions.status,
        stage: conversions.stage,
        progress: conversions.progress,
        cause: sql`${event.cause}`.as("cause"),
        at: sql`${now}`.as("at"),
      })
      .from(conversions)
      .where(and(eq(conversions.id, id), eq(conversions.writeId, writeId))),
  );
}

export function endedColumns(status: ConversionStatus, now: Value<number>) {
  return { status, stage: null, lease: null, leaseUntil: null, completedAt: now };
}

/** Promises that a result stored too late by a worker of this conversion will be deleted. */
function dropLateResult(db: Database, id: string, now: number, done: SQL) {
  const values = {
    id: newId("obx", now),
    topic: "objects.delete" as const,
    payload: { keys: conversionKeys(id) },
    dueAt: now + LATE_RESULT_MS,
    createdAt: now,
  };
  return insertWhere(db, outbox, values, done);
}

/** Ends an active conversion without a result: event, released unit, no object left behind. */
export function end(
  db: Database,
  id: string,
  to: EndStatus,
  options: {
    readonly where: SQL | undefined;
    readonly cause: string;
    readonly now: number;
    readonly errorCode?: string;
    readonly audit?: AuditEvent | undefined;
  },
): Promise<boolean> {
  const { where, cause, now, errorCode, audit } = options;
  return transition(db, {
    id,
    where: and(eq(conversions.id, id), inArray(conversions.status, sourcesOf(to)), where),
    set: { ...endedColumns(to, now), ...(errorCode ? { errorCode } : {}) },
    now,
    event: { type: `conversion.${to}`, cause },
    ledger: "released",
    audit,
    after: (done) => [dropLateResult(db, id, now, done)],
  });
}
