/** SQLite as far as it answers what dashboards ask of Workers Analytics Engine. */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";

/** https://developers.cloudflare.com/analytics/analytics-engine/sql-api/ */
const BLOBS = 20;
const DOUBLES = 20;

export interface StandInPoint {
  /** Unix seconds. */
  readonly timestamp: number;
  readonly sampleInterval: number;
  readonly indexes: readonly string[];
  readonly blobs: readonly string[];
  readonly doubles: readonly number[];
}

type Weighted = readonly [value: number, weight: number];

/** The value below which a share of all weight lies. */
function quantile(level: number, values: readonly Weighted[]): number | null {
  const sorted = values.toSorted(([a], [b]) => a - b);
  let left = level * sorted.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of sorted) {
    left -= weight;
    if (left <= 0) return value;
  }
  return sorted.at(-1)?.[0] ?? null;
}

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i + 1}`);

/** A dataset with its points. It has the columns that there are, and any other name is an error, in quotes, too. */
export function createStandIn(dataset: string, points: readonly StandInPoint[]): DatabaseSync {
  const database = new DatabaseSync(":memory:", { enableDoubleQuotedStringLiterals: false });
  const columns = [
    "dataset",
    "timestamp",
    "_sample_interval",
    "index1",
    ...numbered("blob", BLOBS),
    ...numbered("double", DOUBLES),
  ];
  database.exec(`CREATE TABLE ${dataset} (${columns.join(", ")})`);
  const insert = database.prepare(`INSERT INTO ${dataset} VALUES (${columns.map(() => "?").join(", ")})`);
  for (const { timestamp, sampleInterval, indexes, blobs, doubles } of points) {
    const texts = Array.from({ length: BLOBS }, (_, i) => blobs[i] ?? "");
    const numbers = Array.from({ length: DOUBLES }, (_, i) => doubles[i] ?? 0);
    insert.run(dataset, timestamp, sampleInterval, indexes[0] ?? "", ...texts, ...numbers);
  }
  database.function("toUInt32", { deterministic: true }, (value) => Math.trunc(Number(value)));
  database.function("toDateTime", { deterministic: true }, (value) => Number(value));
  database.function("intDiv", { deterministic: true }, (a, b) => Math.trunc(Number(a) / Number(b)));
  // What an aggregate has seen so far must be a value of SQL.
  database.aggregate("quantileExactWeighted", {
    start: "[]",
    step: (seen, level, value, weight) => JSON.stringify([...JSON.parse(String(seen)), [level, value, weight]]),
    result: (seen) => {
      const rows = JSON.parse(String(seen)) as [level: number, value: number, weight: number][];
      const values = rows.map(([, value, weight]) => [value, weight] as const);
      return quantile(rows[0]?.[0] ?? 0.5, values);
    },
  });
  return database;
}

/** Rows, as the API's `data` has them. Division is that of real numbers, as it is there. */
export function ask(database: DatabaseSync, sql: string): Record<string, SQLOutputValue>[] {
  const spoken = sql
    .replaceAll(/quantileExactWeighted\(([\d.]+)\)\(/g, "quantileExactWeighted($1, ")
    .replaceAll(" / ", " * 1.0 / ");
  return database.prepare(spoken).all();
}
