/** What must hold after a crash drill, seen behind the curtain, in the database and the bucket of the stopped stack. */
import { resultKeys } from "../../src/modules/conversions/conversion.ts";
import { objectKeys } from "../../src/modules/images/object-keys.ts";
import type { Check } from "./checks.ts";
import { type Query, readD1, storedKeys } from "./state.ts";

export interface Attempts {
  readonly sum: number;
  readonly max: number;
  /** Those that failed in a worker which lived to say so. */
  readonly failed: number;
}

interface Facts {
  readonly checks: readonly Check[];
  /** Keys of objects that a row owns. */
  readonly owned: readonly string[];
  /** Keys that the outbox has promised to delete. */
  readonly promised: readonly string[];
  readonly attempts: Attempts;
}

const listed = (rows: readonly { id: string; what: string }[]) => rows.map(({ id, what }) => `${id}: ${what}`);

function checkRows(query: Query, wanted: number): Check {
  const [count] = query<{ n: number }>("SELECT count(*) AS n FROM conversions");
  const [verdict] = query<{ integrity_check: string }>("PRAGMA integrity_check");
  const broken = query<{ id: string; what: string }>(
    `SELECT c.id AS id, c.status || ', version ' || c.version || ', ' || count(e.version) || ' events, '
          || total(e.status NOT IN ('queued', 'processing')) || ' ends' AS what
       FROM conversions c LEFT JOIN conversion_events e ON e.conversion_id = c.id GROUP BY c.id
      HAVING count(e.version) <> c.version OR max(e.version) <> c.version
          OR total(e.status NOT IN ('queued', 'processing')) <> 1 OR total(e.status = c.status) <> 1`,
  );
  const problems = [
    ...(count?.n === wanted ? [] : [`${count?.n} rows`]),
    ...(verdict?.integrity_check === "ok" ? [] : [`the database is damaged: ${verdict?.integrity_check}`]),
    ...listed(broken),
  ];
  return { name: "one row each, with one end and an unbroken history", seen: `${count?.n} rows`, problems };
}

function checkLedger(query: Query, wanted: number): Check {
  const [count] = query<{ n: number }>("SELECT count(*) AS n FROM quota_ledger");
  const wrong = query<{ id: string; what: string }>(
    `SELECT c.id AS id, c.status || ', ' || coalesce(q.state || ' ' || q.units, 'no entry') AS what
       FROM conversions c LEFT JOIN quota_ledger q ON q.conversion_id = c.id
      WHERE q.state IS NOT iif(c.status = 'succeeded', 'committed', 'released')
         OR q.units <> 1 OR q.settled_at IS NULL OR q.user_id <> c.user_id`,
  );
  const orphans = query<{ id: string; what: string }>(
    `SELECT conversion_id AS id, 'an entry without a conversion' AS what FROM quota_ledger
      WHERE conversion_id NOT IN (SELECT id FROM conversions)`,
  );
  const problems = [...(count?.n === wanted ? [] : [`${count?.n} entries`]), ...listed(wrong), ...listed(orphans)];
  return { name: "one ledger entry each, settled as its conversion ended", seen: `${count?.n} entries`, problems };
}

function checkKeys(query: Query, wanted: number): Check {
  const [keys] = query<{ n: number; ids: number }>(
    `SELECT count(*) AS n, count(DISTINCT conversion_id) AS ids FROM idempotency_records
      WHERE conversion_id IN (SELECT id FROM conversions)`,
  );
  const [events] = query<{ n: number; ids: number }>(
    `SELECT count(*) AS n, count(DISTINCT detail ->> 'conversion') AS ids FROM audit_log
      WHERE action = 'conversion.create' AND outcome = 'success'`,
  );
  const problems = [
    ...(keys?.n === wanted && keys.ids === wanted ? [] : [`${keys?.n} keys for ${keys?.ids} conversions`]),
    ...(events?.n === wanted && events.ids === wanted ? [] : [`${events?.n} audit events for ${events?.ids}`]),
  ];
  return { name: "one Idempotency-Key and one audit event each", seen: `${keys?.n} and ${events?.n}`, problems };
}

/** `sweptAt`: when the last sweep began, which had to do everything that was due. */
function checkOutbox(query: Query, sweptAt: number): Check {
  const rows = query<{ id: string; topic: string; due_at: number; payload: string }>("SELECT * FROM outbox");
  const overdue = rows.filter(({ due_at }) => due_at <= sweptAt);
  return {
    name: "nothing promised is overdue",
    seen: `${rows.length} promises for later`,
    problems: overdue.map(
      ({ id, topic, due_at, payload }) =>
        `${id}: ${topic} ${payload}, due ${Math.round((sweptAt - due_at) / 1000)} s ago`,
    ),
  };
}

function readFacts(query: Query, wanted: number, sweptAt: number): Facts {
  const results = query<{ id: string }>("SELECT id FROM conversions WHERE status = 'succeeded'");
  const images = query<{ originalKey: string; thumbnailKey: string }>(
    "SELECT original_key AS originalKey, thumbnail_key AS thumbnailKey FROM images WHERE deleted_at IS NULL",
  );
  const promises = query<{ payload: string }>("SELECT payload FROM outbox WHERE topic = 'objects.delete'");
  const [attempts] = query<Attempts>(
    `SELECT total(attempt) AS sum, coalesce(max(attempt), 0) AS max,
            (SELECT count(*) FROM conversion_events WHERE status = 'queued' AND version > 1) AS failed
       FROM conversions`,
  );
  return {
    checks: [
      checkRows(query, wanted),
      checkLedger(query, wanted),
      checkKeys(query, wanted),
      checkOutbox(query, sweptAt),
    ],
    owned: [...results.flatMap(({ id }) => Object.values(resultKeys(id))), ...images.flatMap(objectKeys)],
    promised: promises.flatMap(({ payload }) => (JSON.parse(payload) as { keys: string[] }).keys),
    attempts: attempts ?? { sum: 0, max: 0, failed: 0 },
  };
}

function checkObjects(keys: ReadonlySet<string>, { owned, promised }: Facts): Check {
  const known = new Set([...owned, ...promised]);
  const stray = [...keys].filter((key) => !known.has(key));
  const missing = [...new Set(owned)].filter((key) => !keys.has(key));
  const late = [...keys].filter((key) => !owned.includes(key) && promised.includes(key)).length;
  return {
    name: "every object belongs to a success or an upload, and none is missing",
    seen: `${keys.size} objects, ${late} of them about to be deleted`,
    problems: [
      ...stray.map((key) => `${key} belongs to nothing and nobody promised to delete it`),
      ...missing.map((key) => `${key} is missing`),
    ],
  };
}

export async function auditState(stateDir: string, wanted: number, sweptAt: number) {
  const facts = await readD1(stateDir, (query) => readFacts(query, wanted, sweptAt));
  const objects = checkObjects(await storedKeys(stateDir), facts);
  return { checks: [...facts.checks, objects], attempts: facts.attempts };
}
