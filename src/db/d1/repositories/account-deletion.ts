import { and, eq, exists, isNull, type SQL, sql } from "drizzle-orm";
import { conversionKeys } from "../../../modules/conversions/conversion.ts";
import type { UserRepository } from "../../../modules/users/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { conversions, devSms, images, outbox, quotaLedger, users, verificationTokens } from "../schema/index.ts";
import { PROMISE_GRACE_MS, promiseAdvance } from "./account-change.ts";
import { auditInsert } from "./audit.ts";
import { countedProvider, growth, increment } from "./business-counters.ts";

type Deletion = Parameters<UserRepository["deleteAccount"]>[0];

/** What nobody has the number of. */
function freedPhone(userId: string): string {
  return `deleted:${userId}`;
}

/** Above which a worker that lost its job can't store a result any more; then what it stored is deleted. */
const LATE_RESULT_MS = 10 * 60_000;

/** Promises to delete what workers of running conversions may still store; goes before those are canceled. */
function dropLateResults(db: Database, userId: string, now: number, done: SQL) {
  const patterns = conversionKeys("{id}");
  const keys = patterns.map((pattern) => sql`replace(${pattern}, '{id}', ${conversions.id})`);
  return db.insert(outbox).select(
    sql`SELECT 'obx_' || substr(${conversions.id}, 5) || hex(randomblob(4)), 'objects.delete',
      json_object('keys', json_array(${sql.join(keys, sql`, `)})), ${now + LATE_RESULT_MS}, ${now}
      FROM ${conversions} WHERE ${conversions.userId} = ${userId}
      AND ${conversions.status} IN ('queued', 'processing') AND ${done}`,
  );
}

/** Counts what {@link closeData} is about to end and to release. */
function countEnds(db: Database, running: SQL | undefined, reserved: SQL | undefined) {
  const labels = { kind: conversions.kind, provider: countedProvider, status: "canceled" };
  const growths = [
    growth("conversions_total", labels, sql`count(*)`, sql`FROM ${conversions} WHERE ${running} GROUP BY labels`),
    growth(
      "quota_units_total",
      { event: "released" },
      sql`sum(${quotaLedger.units})`,
      sql`FROM ${quotaLedger} WHERE ${reserved} HAVING count(*) > 0`,
    ),
  ];
  return increment(db, growths);
}

/** Ends what runs in the account's name and hides the rest; only what the batch's own write deleted. */
function closeData(db: Database, userId: string, now: number, done: SQL) {
  const running = and(eq(conversions.userId, userId), sql`${conversions.status} IN ('queued', 'processing')`, done);
  const reserved = and(eq(quotaLedger.userId, userId), eq(quotaLedger.state, "reserved"), done);
  const canceled = { status: "canceled", stage: null, lease: null, leaseUntil: null, completedAt: now } as const;
  return [
    dropLateResults(db, userId, now, done),
    countEnds(db, running, reserved),
    db.update(conversions).set(canceled).where(running),
    db.update(quotaLedger).set({ state: "released", settledAt: now }).where(reserved),
    db
      .update(conversions)
      .set({ deletedAt: now, updatedAt: now, version: sql`${conversions.version} + 1` })
      .where(and(eq(conversions.userId, userId), isNull(conversions.deletedAt), done)),
    db
      .update(images)
      .set({ deletedAt: now })
      .where(and(eq(images.userId, userId), isNull(images.deletedAt), done)),
  ] as const;
}

/** See the port. What can only be told from the phone goes before the phone does. */
export async function deleteAccount(db: Database, deletion: Deletion) {
  const { userId, event, sessionsPromiseId, erasePromiseId, aliases, now } = deletion;
  const writeId = crypto.randomUUID();
  const live = and(eq(users.id, userId), sql`${users.status} <> 'deleted'`);
  const phone = sql`(SELECT ${users.phone} FROM ${users} WHERE ${live})`;
  const changed = and(eq(users.id, userId), eq(users.writeId, writeId));
  const done = exists(db.select({ one: sql`1` }).from(users).where(changed));
  const promise = { effect: "end", keep: null, promiseId: sessionsPromiseId, now } as const;
  const results = await db.batch([
    db.delete(verificationTokens).where(eq(verificationTokens.phone, phone)),
    db.delete(devSms).where(eq(devSms.recipient, phone)),
    db
      .update(users)
      .set({
        phone: freedPhone(userId),
        name: null,
        bio: null,
        locale: null,
        role: "user",
        status: "deleted",
        passwordHash: "",
        sessionEpoch: sql`${users.sessionEpoch} + 1`,
        updatedAt: sql`max(${users.updatedAt}, ${now})`,
        writeId,
      })
      .where(live)
      .returning({ epoch: users.sessionEpoch }),
    ...closeData(db, userId, now, done),
    promiseAdvance(db, promise, changed),
    insertWhere(
      db,
      outbox,
      {
        id: erasePromiseId,
        topic: "account.erase",
        payload: { userId, aliases },
        dueAt: now + PROMISE_GRACE_MS,
        createdAt: now,
      },
      done,
    ),
    auditInsert(db, event, done),
  ]);
  const epoch = results[2][0]?.epoch;
  if (epoch === undefined) return null;
  const standing = { role: "user", status: "deleted", epoch } as const;
  return { userId, standing, effect: "end", keep: null } as const;
}
