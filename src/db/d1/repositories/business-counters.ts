import { type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { type DatabaseCounter, type LabelsOf, METRICS } from "../../../kernel/metric-registry.ts";
import type { Database } from "../atomic.ts";
import { businessCounters, conversions } from "../schema/index.ts";

type LabelExpressions<N extends DatabaseCounter> = {
  readonly [L in keyof LabelsOf<N>]: LabelsOf<N>[L] | SQLWrapper;
};

/** What `provider` is in `conversions_total`: who made it, else who was asked for, else nobody in particular. */
export const countedProvider: SQL = sql`coalesce(${conversions.providerUsed}, ${conversions.providerRequested}, 'default')`;

/**
 * One row for {@link increment}: how much a counter grows by. With `from` (`FROM … WHERE … GROUP BY labels`) labels and
 * amount are taken from the rows of the fact, and there may be any number.
 */
export function growth<N extends DatabaseCounter>(
  name: N,
  labels: LabelExpressions<N>,
  by: number | SQLWrapper = 1,
  from: SQL = sql``,
): SQL {
  const given = labels as Readonly<Record<string, string | SQLWrapper>>;
  const values = METRICS[name].labels.map((label) => sql`${given[label]}`);
  // Written by SQLite always, so that one series is one text.
  return sql`SELECT ${name} AS name, json_array(${sql.join(values, sql`, `)}) AS labels, ${by} AS value ${from}`;
}

/**
 * Adds to counters if `condition` holds: one statement for the batch of the fact, so that they count it once or not at
 * all. Where it stands decides what it sees: before the statement that changes the fact's rows, or after.
 */
export function increment(db: Database, growths: readonly SQL[], condition: SQL = sql`1`) {
  const { name, labels, value } = businessCounters;
  // The condition keeps SQLite from reading ON CONFLICT as part of a join.
  return db
    .insert(businessCounters)
    .select(sql`SELECT name, labels, value FROM (${sql.join([...growths], sql` UNION ALL `)}) WHERE ${condition}`)
    .onConflictDoUpdate({ target: [name, labels], set: { value: sql`${value} + excluded.value` } });
}
