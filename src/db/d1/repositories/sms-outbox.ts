import { and, asc, eq, lte, sql } from "drizzle-orm";
import type { SmsOutbox } from "../../../modules/auth/repository.ts";
import type { Database } from "../atomic.ts";
import { smsOutbox } from "../schema/index.ts";

/** Messages on their way, on D1. */
export function createD1SmsOutbox(db: Database): SmsOutbox {
  return {
    async claim(id, { now, until }) {
      const rows = await db
        .update(smsOutbox)
        .set({ dueAt: until, attempts: sql`${smsOutbox.attempts} + 1` })
        .where(and(eq(smsOutbox.id, id), lte(smsOutbox.dueAt, now)))
        .returning({ sealed: smsOutbox.sealed, attempts: smsOutbox.attempts, expiresAt: smsOutbox.expiresAt });
      return rows[0] ?? null;
    },
    async postpone(id, dueAt) {
      await db.update(smsOutbox).set({ dueAt }).where(eq(smsOutbox.id, id));
    },
    async remove(id) {
      await db.delete(smsOutbox).where(eq(smsOutbox.id, id));
    },
    async listDue(now, limit) {
      const due = db.select({ id: smsOutbox.id }).from(smsOutbox).where(lte(smsOutbox.dueAt, now));
      return (await due.orderBy(asc(smsOutbox.dueAt)).limit(limit)).map((row) => row.id);
    },
  };
}
