import { and, asc, eq, inArray, lte, sql } from "drizzle-orm";
import { Gathering } from "../../../kernel/gathering.ts";
import type { OutboxEntry, OutboxRepository, OutboxTopic } from "../../../ports/outbox.ts";
import type { Database } from "../atomic.ts";
import { outbox } from "../schema/index.ts";

/** A write takes D1 as long for one entry as for a hundred. */
const SETTLE_WINDOW_MS = 100;
const settling = new Gathering<string>(SETTLE_WINDOW_MS);

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
    settleSoon: (id) =>
      settling.add(id, async (ids) => {
        await db.delete(outbox).where(inArray(outbox.id, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`));
      }),
  };
}
