import { and, eq, exists, gt, inArray, isNull, type SQL, sql } from "drizzle-orm";
import type { AccountChange } from "../../../modules/users/repository.ts";
import type { SessionChange } from "../../../ports/session-store.ts";
import type { Database, Value } from "../atomic.ts";
import { outbox, users, verificationTokens } from "../schema/index.ts";
import { auditInsert } from "./audit.ts";

/** The request that made a promise keeps it itself; after this long the sweeper does. */
export const PROMISE_GRACE_MS = 5_000;

/** What sessions must learn of a change made by the write `writeId`, promised in its own batch. */
export function promiseAdvance(
  db: Database,
  change: Pick<AccountChange, "effect" | "keep" | "promiseId" | "now">,
  changed: SQL | undefined,
) {
  const { effect, keep, promiseId, now } = change;
  return db.insert(outbox).select(
    sql`SELECT ${promiseId}, 'sessions.advance', json_object('userId', ${users.id}, 'epoch', ${users.sessionEpoch},
      'role', ${users.role}, 'status', ${users.status}, 'effect', ${effect}, 'keep', ${keep}),
      ${now + PROMISE_GRACE_MS}, ${now} FROM ${users} WHERE ${changed}`,
  );
}

function exist(db: Database, changed: SQL | undefined): SQL {
  return exists(db.select({ one: sql`1` }).from(users).where(changed));
}

/** That an account is an admin's at the moment of the statement. */
export function isActiveAdmin(userId: Value<string>): SQL {
  return sql`EXISTS (SELECT 1 FROM ${users} AS admin WHERE admin.id = ${userId} AND admin.role = 'admin' AND admin.status = 'active')`;
}

const returning = { id: users.id, role: users.role, status: users.status, epoch: users.sessionEpoch };

function updateOf(db: Database, change: Pick<AccountChange, "set" | "now">, writeId: string, where: SQL | undefined) {
  return db
    .update(users)
    .set({
      ...change.set,
      sessionEpoch: sql`${users.sessionEpoch} + 1`,
      updatedAt: sql`max(${users.updatedAt}, ${change.now})`,
      writeId,
    })
    .where(where)
    .returning(returning);
}

type Changed = Pick<typeof users.$inferSelect, "id" | "role" | "status"> & { readonly epoch: number };

function sessionChange(row: Changed | undefined, { effect, keep }: Pick<AccountChange, "effect" | "keep">) {
  if (row === undefined) return null;
  const { id, role, status, epoch } = row;
  return { userId: id, standing: { role, status, epoch }, effect, keep } satisfies SessionChange;
}

/** One batch: the guarded change, its event and the promise to tell the sessions. */
export async function changeAccount(db: Database, change: AccountChange): Promise<SessionChange | null> {
  const writeId = crypto.randomUUID();
  const { userId, expect = {} } = change;
  const changed = and(eq(users.id, userId), eq(users.writeId, writeId));
  const where = and(
    eq(users.id, userId),
    sql`${users.status} <> 'deleted'`,
    expect.status ? inArray(users.status, [...expect.status]) : undefined,
    expect.passwordHash === undefined ? undefined : eq(users.passwordHash, expect.passwordHash),
    expect.adminId === undefined ? undefined : isActiveAdmin(expect.adminId),
  );
  const [rows] = await db.batch([
    updateOf(db, change, writeId, where),
    promiseAdvance(db, change, changed),
    auditInsert(db, change.event, exist(db, changed)),
  ]);
  return sessionChange(rows[0], change);
}

/** As {@link changeAccount}, for whoever the token's phone belongs to. */
export async function resetPassword(
  db: Database,
  tokenHash: string,
  change: Omit<AccountChange, "userId" | "set" | "expect"> & { readonly passwordHash: string },
): Promise<SessionChange | null> {
  const writeId = crypto.randomUUID();
  const { passwordHash, now } = change;
  const token = and(
    eq(verificationTokens.tokenHash, tokenHash),
    eq(verificationTokens.purpose, "password_reset"),
    isNull(verificationTokens.consumedBy),
    gt(verificationTokens.expiresAt, now),
    // A token of nobody's phone stays as it is: it is refused either way.
    sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.phone} = ${verificationTokens.phone})`,
  );
  const owner = sql`${users.phone} = (SELECT ${verificationTokens.phone} FROM ${verificationTokens}
    WHERE ${verificationTokens.tokenHash} = ${tokenHash} AND ${verificationTokens.consumedBy} = ${writeId})`;
  const changed = and(owner, eq(users.writeId, writeId));
  const [, rows] = await db.batch([
    db.update(verificationTokens).set({ consumedBy: writeId }).where(token),
    updateOf(db, { set: { passwordHash }, now }, writeId, owner),
    promiseAdvance(db, change, changed),
    auditInsert(db, change.event, exist(db, changed)),
  ]);
  return sessionChange(rows[0], change);
}
