import type { Metrics } from "../../ports/metrics.ts";

interface About {
  readonly operation: string;
  readonly table: string;
}

const VERBS: Readonly<Record<string, string>> = {
  select: "select",
  with: "select",
  insert: "insert",
  replace: "insert",
  update: "update",
  delete: "delete",
};
const TABLE: Readonly<Record<string, RegExp>> = {
  select: /\bfrom\s+["`]?(\w+)/i,
  insert: /\binto\s+["`]?(\w+)/i,
  update: /\bupdate\s+(?:or\s+\w+\s+)?["`]?(\w+)/i,
  delete: /\bfrom\s+["`]?(\w+)/i,
};
/** Statements are few: values travel beside them. */
const MAX_KNOWN = 1_000;
const known = new Map<string, About>();

/** What a statement does, and to which table: the first it names. */
export function aboutStatement(sql: string): About {
  const found = known.get(sql);
  if (found !== undefined) return found;
  const verb = /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? "";
  const operation = VERBS[verb] ?? "other";
  const about = { operation, table: TABLE[operation]?.exec(sql)?.[1]?.toLowerCase() ?? "none" };
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(sql, about);
  return about;
}

/** Times one round trip; its statements count when it is made, whatever becomes of it. */
async function metered<T>(metrics: Metrics, operation: string, statements: readonly About[], trip: () => Promise<T>) {
  for (const about of statements) {
    metrics.count("database_queries_total", { operation: about.operation, table: about.table });
  }
  const startedAt = Date.now();
  try {
    return await trip();
  } catch (error) {
    metrics.count("database_errors_total", { operation });
    throw error;
  } finally {
    metrics.time("database_query_duration_seconds", { operation }, Date.now() - startedAt);
  }
}

const originals = new WeakMap<object, { readonly statement: D1PreparedStatement; readonly about: About }>();

function meteredStatement(statement: D1PreparedStatement, about: About, metrics: Metrics): D1PreparedStatement {
  const run = <T>(trip: () => Promise<T>) => metered(metrics, about.operation, [about], trip);
  const wrapped = {
    bind: (...values: unknown[]) => meteredStatement(statement.bind(...values), about, metrics),
    first: (...column: [string]) => run(() => statement.first(...column)),
    run: () => run(() => statement.run()),
    all: () => run(() => statement.all()),
    raw: (options?: { columnNames?: false }) => run(() => statement.raw(options)),
  };
  originals.set(wrapped, { statement, about });
  return wrapped as unknown as D1PreparedStatement;
}

/** The same database, with every statement counted and every round trip timed. */
export function meteredDatabase(database: D1Database, metrics: Metrics): D1Database {
  return {
    prepare: (sql: string) => meteredStatement(database.prepare(sql), aboutStatement(sql), metrics),
    batch: (statements: D1PreparedStatement[]) => {
      const found = statements.map((wrapped) => {
        const original = originals.get(wrapped);
        if (original === undefined) throw new TypeError("a statement of another database");
        return original;
      });
      const abouts = found.map(({ about }) => about);
      return metered(metrics, "batch", abouts, () => database.batch(found.map(({ statement }) => statement)));
    },
    exec: (sql: string) => metered(metrics, "other", [aboutStatement(sql)], () => database.exec(sql)),
    withSession: (constraint?: string) => database.withSession(constraint),
    dump: () => database.dump(),
  } as unknown as D1Database;
}
