import { desc, eq, lt, sql } from "drizzle-orm";
import { toPage } from "../../../kernel/page.ts";
import { queueLabel } from "../../../kernel/queue-label.ts";
import type { DeadLetterRepository } from "../../../modules/conversions/dead-letters.ts";
import type { Database } from "../atomic.ts";
import { deadLetters } from "../schema/index.ts";
import { growth, increment } from "./business-counters.ts";

export function createD1DeadLetters(db: Database): DeadLetterRepository {
  return {
    async record(letter) {
      const { queue, messageId, outcome } = letter;
      const target = [deadLetters.queue, deadLetters.messageId];
      const isNew = sql`NOT EXISTS (SELECT 1 FROM ${deadLetters}
        WHERE ${deadLetters.queue} = ${queue} AND ${deadLetters.messageId} = ${messageId})`;
      const [, { meta }] = await db.batch([
        increment(db, [growth("dead_letters_total", { queue: queueLabel(queue), outcome })], isNew),
        db.insert(deadLetters).values(letter).onConflictDoNothing({ target }),
      ]);
      return meta.changes === 1;
    },

    async list(page) {
      const rows = await db
        .select()
        .from(deadLetters)
        .where(page.afterKey === null ? undefined : lt(deadLetters.id, page.afterKey))
        .orderBy(desc(deadLetters.id))
        .limit(page.limit + 1);
      return toPage(rows, page.limit, (letter) => letter.id);
    },

    async find(id) {
      const [letter] = await db.select().from(deadLetters).where(eq(deadLetters.id, id));
      return letter ?? null;
    },
  };
}
