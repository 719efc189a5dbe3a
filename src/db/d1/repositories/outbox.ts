import { and, asc, eq, inArray, lte } from "drizzle-orm";
import type { OutboxEntry, OutboxRepository, OutboxTopic } from "../../../ports/outbox.ts";
import type { Database } from "../atomic.ts";
import { outbox } from "../schema/index.ts";

export function createD1OutboxRepository(db: Database): OutboxRepository {
  return {
    async promiseDeletion({ id, keys, dueAt, now }) {
      await db.insert(outbox).values({ id, topic: "objects.delete", payload: { keys }, dueAt, createdAt: now });
    },
    async find(id) {
      const [row] = await db.select().from(outbox).where(eq(outbox.id, id));
      return row ? ({ id: row.id, topic: row.topic, payload: row.payload } as OutboxEntry) : null;
    },
    async listDue<T extends OutboxTopic>(topics: readonly T[], now: number, limit: number) {
      const due = and(lte(outbox.dueAt, now), inArray(outbox.topic, [...topics]));
      const rows = await db.select().from(outbox).where(due).orderBy(asc(outbox.dueAt)).limit(limit);
      return rows.map((row) => ({ id: row.id, topic: row.topic, payload: row.payload }) as OutboxEntry<T>);
    },
    async postpone(id, dueAt) {
      await db.update(outbox).set({ dueAt }).where(eq(outbox.id, id));
    },
    async settle(id) {
      await db.delete(outbox).where(eq(outbox.id, id));
    },
  };
}
