import { DrizzleQueryError, fillPlaceholders, type Placeholder, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Database } from "./atomic.ts";

// Drizzle takes longer to build a text than D1 to answer it; where that counts, a text is built once in an isolate.

/** As D1 takes them: JSON is text already, and true is 1. */
type Values = Readonly<Record<string, string | number | null>>;
export type Placeholders<V extends Values> = { readonly [K in keyof V]: Placeholder };

interface BuiltSelect<Row> {
  prepare(): { getQuery(): Built; mapResult(rows: unknown, isFromBatch?: boolean): unknown; all(): Promise<Row[]> };
}
interface BuiltStatement {
  toSQL(): Built;
}
interface Built {
  readonly sql: string;
  readonly params: unknown[];
}

/** A database that nothing can be asked of: statements are built with it. */
const nowhere = drizzle({ prepare: () => ({}) } as unknown as D1Database) as Database;

/** What `build` makes for each set of `optional` values that aren't null; nothing else may change what it makes. */
function onceFor<V extends Values, T>(
  names: readonly (keyof V & string)[],
  optional: readonly (keyof V & string)[],
  build: (db: Database, values: Placeholders<V>, given: ReadonlySet<keyof V>) => T,
): (values: V) => T {
  const made = new Map<string, T>();
  const placeholders = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)])) as Placeholders<V>;
  return (values) => {
    const given = optional.filter((name) => values[name] !== null);
    const shape = given.join();
    const known = made.get(shape);
    if (known !== undefined) return known;
    const built = build(nowhere, placeholders, new Set(given));
    made.set(shape, built);
    return built;
  };
}

/**
 * A select whose conditions depend on which values there are. Rows come as drizzle would give them.
 * @throws {DrizzleQueryError} as any other statement.
 */
export function preparedSelect<V extends Values, Row>(
  names: readonly (keyof V & string)[],
  build: (db: Database, values: Placeholders<V>, given: ReadonlySet<keyof V>) => BuiltSelect<Row>,
): (db: Database, values: V) => Promise<Row[]> {
  const selectFor = onceFor<V, ReturnType<BuiltSelect<Row>["prepare"]>>(names, names, (...given) =>
    build(...given).prepare(),
  );
  return async (db, values) => {
    const select = selectFor(values);
    const { sql: text, params } = select.getQuery();
    const bound = fillPlaceholders(params, values);
    const statement = db.$client.prepare(text).bind(...bound);
    try {
      return select.mapResult(await statement.raw()) as Row[];
    } catch (cause) {
      throw new DrizzleQueryError(text, bound, cause as Error);
    }
  };
}

/** A select as a part of a batch. D1 gives its rows by names there: no two columns may have the same one. */
export function preparedBatchSelect<V extends Values, Row>(
  names: readonly (keyof V & string)[],
  build: (db: Database, values: Placeholders<V>) => BuiltSelect<Row>,
): (db: Database, values: V) => { statement: D1PreparedStatement; rows(result: D1Result | undefined): Row[] } {
  const selectFor = onceFor<V, ReturnType<BuiltSelect<Row>["prepare"]>>(names, [], (db, values) =>
    build(db, values).prepare(),
  );
  return (db, values) => {
    const select = selectFor(values);
    const { sql: text, params } = select.getQuery();
    return {
      statement: db.$client.prepare(text).bind(...fillPlaceholders(params, values)),
      rows: (result) => select.mapResult(result, true) as Row[],
    };
  };
}

/** The statements of a part of a batch; which there are depends on which of the `optional` values there are. */
export function preparedStatements<V extends Values>(
  names: readonly (keyof V & string)[],
  optional: readonly (keyof V & string)[],
  build: (db: Database, values: Placeholders<V>, given: ReadonlySet<keyof V>) => readonly BuiltStatement[],
): (db: Database, values: V) => D1PreparedStatement[] {
  const statementsFor = onceFor<V, Built[]>(names, optional, (...given) =>
    build(...given).map((statement) => statement.toSQL()),
  );
  return (db, values) =>
    statementsFor(values).map(({ sql: text, params }) =>
      db.$client.prepare(text).bind(...fillPlaceholders(params, values)),
    );
}

/** A statement that is built each time, for a batch with others that aren't. */
export function bound(db: Database, statement: BuiltStatement): D1PreparedStatement {
  const { sql: text, params } = statement.toSQL();
  return db.$client.prepare(text).bind(...params);
}
