import { DrizzleQueryError, fillPlaceholders, type Placeholder, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Database } from "./atomic.ts";

/** What drizzle makes of a select: its text is built, its columns are known. */
interface Prepared {
  getQuery(): { readonly sql: string; readonly params: unknown[] };
  mapResult(rows: unknown): unknown;
}

interface PreparableSelect<Row> {
  prepare(): Prepared & { all(): Promise<Row[]> };
}

type Values = Readonly<Record<string, string | number>>;
type Placeholders<V extends Values> = { readonly [K in keyof V]: Placeholder };
/** A value that is null takes its condition with it. */
type Given<V extends Values> = { readonly [K in keyof V]: V[K] | null };

/** A database that nothing can be asked of: statements are built with it. */
const nowhere = drizzle({ prepare: () => ({}) } as unknown as D1Database) as Database;

/**
 * A select that is built once in an isolate: drizzle takes longer to build a text than D1 to answer it. `build` gets a
 * placeholder for each value, and the names of those that aren't null; nothing else may change what it makes.
 * @throws {DrizzleQueryError} as any other statement.
 */
export function preparedSelect<V extends Values, Row>(
  names: readonly (keyof V & string)[],
  build: (db: Database, values: Placeholders<V>, given: ReadonlySet<keyof V>) => PreparableSelect<Row>,
): (db: Database, values: Given<V>) => Promise<Row[]> {
  const made = new Map<string, Prepared>();
  const placeholders = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)])) as Placeholders<V>;
  return async (db, values) => {
    const given = names.filter((name) => values[name] !== null);
    const shape = given.join();
    let prepared = made.get(shape);
    if (prepared === undefined) {
      prepared = build(nowhere, placeholders, new Set(given)).prepare();
      made.set(shape, prepared);
    }
    const query = prepared.getQuery();
    const bound = fillPlaceholders(query.params, values);
    try {
      const rows = await db.$client
        .prepare(query.sql)
        .bind(...bound)
        .raw();
      return prepared.mapResult(rows) as Row[];
    } catch (cause) {
      throw new DrizzleQueryError(query.sql, bound, cause as Error);
    }
  };
}
