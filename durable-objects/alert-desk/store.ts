import { type Desk, EMPTY_DESK } from "./desk.ts";
import type { Matter } from "./matters.ts";
import { EMPTY_OUTBOX, type Outbox, type Waiting } from "./outbox.ts";

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS matters (fingerprint TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, state TEXT NOT NULL)",
  "CREATE TABLE IF NOT EXISTS outbox (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL)",
  "CREATE TABLE IF NOT EXISTS seen (message_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE INDEX IF NOT EXISTS seen_at ON seen (at)",
];
/** For so long after it last came a message is known: longer than the queue waits before it brings one again. */
export const SEEN_MS = 60 * 60_000;

type StoredOutbox = Omit<Outbox, "waiting">;

export function createTables(sql: SqlStorage): void {
  for (const statement of SCHEMA) sql.exec(statement);
}

/** The desk as it was last stored. Texts are kept as JSON, which escapes what SQLite would not keep as it is. */
export function loadDesk(sql: SqlStorage): Desk {
  const matters = sql.exec<{ fingerprint: string; state: string }>("SELECT fingerprint, state FROM matters");
  const waiting = sql
    .exec<{ state: string }>("SELECT state FROM waiting ORDER BY id")
    .toArray()
    .map(({ state }) => JSON.parse(state) as Waiting);
  const [row] = sql.exec<{ state: string }>("SELECT state FROM outbox").toArray();
  const outbox = row === undefined ? EMPTY_OUTBOX : (JSON.parse(row.state) as StoredOutbox);
  // The one message that is made last and sent first.
  const isTally = ({ note }: Waiting) => note.kind === "others";
  return {
    ...EMPTY_DESK,
    matters: new Map([...matters].map(({ fingerprint, state }) => [fingerprint, JSON.parse(state) as Matter])),
    outbox: { ...outbox, waiting: [...waiting.filter(isTally), ...waiting.filter((message) => !isTally(message))] },
  };
}

/** What is new or another object in `after`, and what is only in `before`. */
function difference<K, V>(before: ReadonlyMap<K, V>, after: ReadonlyMap<K, V>) {
  if (before === after) return { put: [], gone: [] };
  return {
    put: [...after].filter(([key, value]) => before.get(key) !== value),
    gone: [...before.keys()].filter((key) => !after.has(key)),
  };
}

/** Writes what differs; to be called in a transaction. One statement a table, whatever the number of rows. */
export function storeDesk(sql: SqlStorage, before: Desk, after: Desk): void {
  const byId = ({ outbox }: Desk) => new Map(outbox.waiting.map((message) => [message.id, message]));
  const tables = [
    ["matters", "fingerprint", difference<string | number, unknown>(before.matters, after.matters)],
    ["waiting", "id", difference<string | number, unknown>(byId(before), byId(after))],
  ] as const;
  for (const [table, key, { put, gone }] of tables) {
    if (gone.length > 0) {
      sql.exec(`DELETE FROM ${table} WHERE ${key} IN (SELECT value FROM json_each(?))`, JSON.stringify(gone));
    }
    if (put.length > 0) {
      const rows = put.map(([id, state]) => [id, JSON.stringify(state)]);
      sql.exec(
        `INSERT OR REPLACE INTO ${table} (${key}, state) SELECT value ->> 0, value ->> 1 FROM json_each(?)`,
        JSON.stringify(rows),
      );
    }
  }
  if (after.outbox !== before.outbox) {
    const { waiting: _, ...outbox } = after.outbox;
    const row = "INSERT OR REPLACE INTO outbox (one, state) VALUES (1, ?)";
    sql.exec(row, JSON.stringify(outbox satisfies StoredOutbox));
  }
}

/** Whether a message comes for the first time; it counts as seen from now on. */
export function isNewMessage(sql: SqlStorage, messageId: string, now: number): boolean {
  const known = sql.exec("SELECT 1 FROM seen WHERE message_id = ? AND at > ?", messageId, now - SEEN_MS).toArray();
  sql.exec("INSERT OR REPLACE INTO seen (message_id, at) VALUES (?, ?)", messageId, now);
  return known.length === 0;
}

/** Forgets messages that can't come again. */
export function pruneSeen(sql: SqlStorage, now: number): void {
  sql.exec("DELETE FROM seen WHERE at <= ?", now - SEEN_MS);
}

/** When the oldest of the messages that are known will be forgotten; null when none is. */
export function nextPruneAt(sql: SqlStorage): number | null {
  const [row] = sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM seen").toArray();
  return row?.at === null || row === undefined ? null : row.at + SEEN_MS;
}
