import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { DEAD_LETTER_OUTCOMES } from "../../../modules/conversions/dead-letters.ts";

/** Messages the queue gave up on, or that nobody could read. */
export const deadLetters = sqliteTable(
  "dead_letters",
  {
    id: text("id").primaryKey(),
    queue: text("queue").notNull(),
    messageId: text("message_id").notNull(),
    /** Null when the message names none. */
    conversionId: text("conversion_id"),
    /** The message as JSON text, cut off where it is long. */
    body: text("body").notNull(),
    attempts: integer("attempts").notNull(),
    outcome: text("outcome", { enum: DEAD_LETTER_OUTCOMES }).notNull(),
    receivedAt: integer("received_at").notNull(),
    /** The conversion that took its place. */
    replayedAs: text("replayed_as"),
    replayedAt: integer("replayed_at"),
  },
  (t) => [
    uniqueIndex("dead_letters_message").on(t.queue, t.messageId),
    index("dead_letters_conversion").on(t.conversionId),
    index("dead_letters_received").on(t.receivedAt),
  ],
);

/** How far work that goes through everything, a page at a time, has come. */
export const sweepCursors = sqliteTable("sweep_cursors", {
  name: text("name").primaryKey(),
  cursor: text("cursor"),
  updatedAt: integer("updated_at").notNull(),
});

/**
 * Metrics counted in the transaction of the fact (METRICS of source `database`), one row a series. They only ever grow:
 * what they counted may be deleted. `labels` is a JSON array of the values, in the registry's order.
 */
export const businessCounters = sqliteTable(
  "business_counters",
  {
    name: text("name").notNull(),
    labels: text("labels").notNull(),
    value: integer("value").notNull(),
  },
  (t) => [primaryKey({ columns: [t.name, t.labels] })],
);
