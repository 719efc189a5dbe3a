/** What SQLite does for the statements that the api's reads of conversions really send, in a database that is at hand. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { drizzle } from "drizzle-orm/d1";
import type { Database } from "../src/db/d1/atomic.ts";
import type { Fact } from "./measure.ts";

interface PageRequest {
  readonly limit: number;
  readonly afterKey: string | null;
}

/** The reads of the repository. By its address: its types lead to those of the Workers, which tools don't know. */
interface Reads {
  find(userId: string, id: string): Promise<unknown>;
  list(userId: string, filter: { status: string | null; kind: string | null }, page: PageRequest): Promise<unknown>;
  listOverdue(userId: string | null, now: number, limit: number): Promise<readonly string[]>;
}
const REPOSITORY = new URL("../src/db/d1/repositories/conversions.ts", import.meta.url).href;

interface Sent {
  readonly sql: string;
  readonly params: SQLInputValue[];
}

/** As much of D1 as reads need, on a file; `sent` tells what was asked. */
function asD1(db: DatabaseSync, sent: Sent[]): Database {
  const bound = (sql: string, params: SQLInputValue[]) => {
    const rows = () => {
      sent.push({ sql, params });
      return db.prepare(sql).all(...params);
    };
    return {
      all: async () => ({ results: rows() }),
      raw: async () => {
        sent.push({ sql, params });
        const statement = db.prepare(sql);
        statement.setReturnArrays(true);
        return statement.all(...params);
      },
    };
  };
  const prepare = (sql: string) => ({ bind: (...params: SQLInputValue[]) => bound(sql, params) });
  return drizzle<Record<string, never>>({ prepare } as unknown as D1Database);
}

function stepsOf(db: DatabaseSync, { sql, params }: Sent): string[] {
  return db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...params)
    .map(({ detail }) => String(detail));
}

const isSlow = (step: string) => /^SCAN (?!conversions USING INDEX conversions_active$)|TEMP B-TREE/.test(step);

/** Runs the api's reads of a user's conversions, and tells by which index each goes. */
export async function plansOfReads(file: string, userId: string, id: string): Promise<Fact[]> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const sent: Sent[] = [];
    const { createD1ConversionRepository } = (await import(REPOSITORY)) as {
      createD1ConversionRepository(db: Database): Reads;
    };
    const conversions = createD1ConversionRepository(asD1(db, sent));
    const [first, deep] = [
      { limit: 20, afterKey: null },
      { limit: 20, afterKey: id },
    ];
    const none = { status: null, kind: null };
    const reads: [what: string, expected: string, read: () => Promise<unknown>][] = [
      ["one", "conversions_user (user_id=? AND id=?)", () => conversions.find(userId, id)],
      ["a list", "conversions_user (user_id=?)", () => conversions.list(userId, none, first)],
      ["a list, deep", "conversions_user (user_id=? AND id<?)", () => conversions.list(userId, none, deep)],
      [
        "a list by status, deep",
        "conversions_user_status (user_id=? AND status=? AND id<?)",
        () => conversions.list(userId, { ...none, status: "succeeded" }, deep),
      ],
      [
        "a list by kind, deep",
        "conversions_user_kind (user_id=? AND kind=? AND id<?)",
        () => conversions.list(userId, { ...none, kind: "tryon" }, deep),
      ],
      [
        "what is out of time, where a list shows one",
        "conversions_user_status (user_id=? AND status=?)",
        () => conversions.listOverdue(userId, Date.now(), 50),
      ],
    ];
    const facts: Fact[] = [];
    for (const [what, expected, read] of reads) {
      sent.length = 0;
      await read();
      const steps = sent.flatMap((statement) => stepsOf(db, statement));
      const found = steps.flatMap((step) => /^SEARCH conversions USING INDEX (.+)$/.exec(step)?.[1] ?? []).join(", ");
      const slow = steps.filter(isSlow).join(", ") || "nothing scanned or sorted";
      facts.push({
        what: `plan of ${what}`,
        expected: `${expected}; nothing scanned or sorted`,
        found: `${found}; ${slow}`,
      });
    }
    return facts;
  } finally {
    db.close();
  }
}
