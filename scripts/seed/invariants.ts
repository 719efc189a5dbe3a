/** What holds in any database that the service has written, as far as SQL can tell. */
import type { Check } from "../drill/checks.ts";
import type { Query } from "../drill/state.ts";

/** A rule by the rows that break it: each has an `id` and, in words, `what`. */
interface Rule {
  readonly name: string;
  readonly of: string;
  readonly broken: string;
}

const ENDED = "c.status NOT IN ('queued', 'processing')";

const HISTORY: readonly Rule[] = [
  {
    name: "every write that has an event has exactly that one",
    of: "conversions",
    broken: `SELECT c.id, c.status || ', version ' || c.version || ', ' || count(e.version) || ' events' AS what
      FROM conversions c LEFT JOIN conversion_events e ON e.conversion_id = c.id GROUP BY c.id
      HAVING count(e.version) + c.favorite + c.data_removed + (c.deleted_at IS NOT NULL) <> c.version
        OR max(e.version) <> count(e.version) OR min(e.version) <> 1
        OR total(e.status NOT IN ('queued', 'processing')) <> (${ENDED})
        OR (${ENDED} AND total(e.status = c.status) <> 1)`,
  },
  {
    name: "events follow each other in time, and by moves that the state machine has",
    of: "conversion_events",
    broken: `SELECT conversion_id AS id, before || ' to ' || status || ' at version ' || version AS what FROM (
        SELECT *, lag(status) OVER w AS before, lag(at) OVER w AS earlier, lag(progress) OVER w AS less
          FROM conversion_events WINDOW w AS (PARTITION BY conversion_id ORDER BY version))
      WHERE earlier > at OR less > progress OR (before IS NULL AND version > 1)
        OR before NOT IN ('queued', 'processing') OR (before = 'queued' AND status IN ('queued', 'succeeded'))`,
  },
];

const CONVERSIONS: readonly Rule[] = [
  {
    name: "a row says the same in all its columns",
    of: "conversions",
    broken: `SELECT c.id, c.status AS what FROM conversions c
      WHERE (c.status = 'succeeded') <> (c.result_image_id IS NOT NULL) OR (c.status = 'failed') <> (c.error_code IS NOT NULL)
        OR (${ENDED}) <> (c.completed_at IS NOT NULL) OR (${ENDED}) <> (c.stage IS NULL)
        OR (c.status = 'processing') <> (c.lease_until IS NOT NULL) OR (c.provider_used IS NULL) <> (c.result_image_id IS NULL)
        OR (c.attempt = 0) <> (c.started_at IS NULL) OR (c.progress = 100) <> (c.status = 'succeeded')
        OR (c.kind = 'tryon') <> (c.garment_image_id IS NOT NULL)
        OR (c.kind = 'style') <> ((c.style_preset IS NOT NULL) + (c.style_image_id IS NOT NULL))`,
  },
  {
    name: "times are in order, and within the deadline unless that is what ended it",
    of: "conversions",
    broken: `SELECT c.id, c.status AS what FROM conversions c
      WHERE c.started_at < c.created_at OR c.completed_at < coalesce(c.started_at, c.created_at)
        OR c.updated_at < coalesce(c.completed_at, c.started_at, c.created_at)
        OR (${ENDED} AND (c.status = 'expired') <> (c.completed_at >= c.deadline_at))`,
  },
  {
    name: "ids sort by time",
    of: "conversions",
    broken: `SELECT id, created_at AS what FROM (SELECT *, lag(created_at) OVER (ORDER BY id) AS earlier FROM conversions)
      WHERE earlier > created_at`,
  },
  {
    name: "inputs were their owner's, and there",
    of: "conversions",
    broken: `SELECT c.id, i.id AS what FROM conversions c
      JOIN images i ON i.id IN (c.person_image_id, c.garment_image_id, c.style_image_id)
      WHERE i.user_id <> c.user_id OR i.created_at > c.created_at OR i.deleted_at <= c.created_at OR i.kind = 'result'`,
  },
  {
    name: "results are there until they are removed, and then the row says so",
    of: "conversions",
    broken: `SELECT c.id, i.id AS what FROM conversions c JOIN images i ON i.id = c.result_image_id
      WHERE i.user_id <> c.user_id OR i.kind <> 'result' OR i.created_at <> c.completed_at
        OR (i.deleted_at IS NOT NULL) <> (c.data_removed OR c.deleted_at IS NOT NULL)`,
  },
  {
    name: "nobody has more under way than the service lets them",
    of: "users",
    broken: `SELECT user_id AS id, count(*) || ' at once' AS what FROM conversions c WHERE NOT (${ENDED})
      GROUP BY user_id HAVING count(*) > 4`,
  },
];

const UNITS: readonly Rule[] = [
  {
    name: "one ledger entry each, settled as its conversion ended",
    of: "quota_ledger",
    broken: `SELECT c.id, c.status || ', ' || coalesce(q.state || ' ' || q.units, 'no entry') AS what
      FROM conversions c LEFT JOIN quota_ledger q ON q.conversion_id = c.id
      WHERE q.state IS NOT CASE WHEN c.status = 'succeeded' THEN 'committed' WHEN ${ENDED} THEN 'released' ELSE 'reserved' END
        OR q.units <> 1 OR q.settled_at IS NOT c.completed_at OR q.user_id <> c.user_id
        OR q.period <> strftime('%Y-%m', c.created_at / 1000, 'unixepoch')`,
  },
  {
    name: "nobody has used more in a month than the plan and grants gave",
    of: "quota_grants",
    broken: `SELECT q.user_id AS id, q.period || ': ' || sum(q.units) AS what FROM quota_ledger q
      WHERE q.state <> 'released' GROUP BY q.user_id, q.period HAVING sum(q.units) > 10 +
        coalesce((SELECT sum(g.units) FROM quota_grants g WHERE g.user_id = q.user_id AND g.period = q.period), 0)`,
  },
];

/** As migration 0008 takes the counters from the tables. */
const COUNTED = `
  SELECT 'user_registrations_total' AS name, json_array() AS labels, count(*) AS value FROM users
  UNION ALL SELECT 'conversions_created_total', json_array(kind), count(*) FROM conversions GROUP BY kind
  UNION ALL SELECT 'conversions_total', json_array(kind, coalesce(provider_used, provider_requested, 'default'), status),
    count(*) FROM conversions c WHERE ${ENDED} GROUP BY 2
  UNION ALL SELECT 'quota_units_total', json_array('reserved'), sum(units) FROM quota_ledger
  UNION ALL SELECT 'quota_units_total', json_array(state), sum(units) FROM quota_ledger WHERE state <> 'reserved' GROUP BY 2
  UNION ALL SELECT 'provider_calls_total', json_array(provider, model, outcome), count(*) FROM provider_calls
    WHERE outcome <> 'pending' GROUP BY 2`;

const SPENT = `SELECT day, provider, model, count(*), sum(outcome = 'success'), sum(outcome NOT IN ('success', 'pending')),
  total(prompt_tokens), total(output_tokens), sum(cost_micros), total(iif(outcome = 'pending', cost_micros, 0)),
  total(ended_at - started_at) FROM provider_calls GROUP BY day, provider, model`;

const both = (one: string, other: string) =>
  `SELECT * FROM (SELECT * FROM (${one}) EXCEPT SELECT * FROM (${other}))
    UNION ALL SELECT * FROM (SELECT * FROM (${other}) EXCEPT SELECT * FROM (${one}))`;

const SUMS: readonly Rule[] = [
  {
    name: "counters are what the tables hold",
    of: "business_counters",
    broken: `SELECT name || labels AS id, value AS what FROM (${both(COUNTED, "SELECT name, labels, value FROM business_counters")})`,
  },
  {
    name: "the providers' days are the sums of their calls",
    of: "provider_spend",
    broken: `SELECT day || provider AS id, model AS what FROM (${both("SELECT * FROM provider_spend", SPENT)})`,
  },
  {
    name: "each conversion was ordered once, says the audit log",
    of: "audit_log",
    broken: `SELECT c.id, count(a.id) || ' events' AS what FROM conversions c LEFT JOIN audit_log a ON a.user_id = c.user_id
      AND a.action IN ('conversion.create', 'conversion.retry') AND a.detail ->> 'conversion' = c.id
      GROUP BY c.id HAVING count(a.id) <> 1 OR max(a.action = 'conversion.retry') <> (c.retry_of IS NOT NULL)`,
  },
  {
    name: "all of the audit log is linked, in the order of its times",
    of: "audit_log",
    broken: `SELECT id, seq AS what FROM (SELECT *, lag(created_at) OVER w AS earlier, lag(seq) OVER w AS before
        FROM audit_log WINDOW w AS (PARTITION BY user_id ORDER BY seq))
      WHERE seq IS NULL OR seq <> coalesce(before, 0) + 1 OR earlier > created_at`,
  },
];

const LIVE: readonly Rule[] = [
  {
    name: "retention and sweeps had done their work by the end",
    of: "images",
    broken: `SELECT id, kind AS what FROM images WHERE deleted_at IS NULL AND expires_at < ?1 - 65000
      UNION ALL SELECT id, status FROM conversions c WHERE NOT (${ENDED}) AND deadline_at < ?1 - 60000
      UNION ALL SELECT id, topic FROM outbox WHERE due_at < ?1`,
  },
  {
    name: "nothing is later than the end",
    of: "conversion_events",
    broken: `SELECT conversion_id AS id, at AS what FROM conversion_events WHERE at > ?1
      UNION ALL SELECT id, updated_at FROM conversions WHERE updated_at > ?1
      UNION ALL SELECT id, created_at FROM audit_log WHERE created_at > ?1
      UNION ALL SELECT id, coalesce(deleted_at, created_at) FROM images WHERE coalesce(deleted_at, created_at) > ?1`,
  },
];

const RULES = [...HISTORY, ...CONVERSIONS, ...UNITS, ...SUMS, ...LIVE];
const SHOWN = 5;

function damage(query: Query): Check {
  const [verdict] = query<{ integrity_check: string }>("PRAGMA integrity_check");
  const strays = query<{ table: string; parent: string }>("PRAGMA foreign_key_check");
  const problems = strays.slice(0, SHOWN).map(({ table, parent }) => `a row of ${table} refers to no row of ${parent}`);
  if (verdict?.integrity_check !== "ok") problems.push(`the database is damaged: ${verdict?.integrity_check}`);
  return { name: "the database is sound", seen: "all tables", problems };
}

/**
 * Looks at everything. A table to which its rows were added without gap or loss since the migration is meant: an erased
 * account, say, takes rows away that its counters keep.
 * @param until the end of the time that was made up, in epoch ms.
 */
export function checkInvariants(query: Query, until: number): Check[] {
  const checks = RULES.map(({ name, of, broken }): Check => {
    const rows = query<{ id: string; what: string | number }>(broken, ...(broken.includes("?1") ? [until] : []));
    const [count] = query<{ n: number }>(`SELECT count(*) AS n FROM ${of}`);
    return { name, seen: `${count?.n} ${of}`, problems: rows.slice(0, SHOWN).map(({ id, what }) => `${id}: ${what}`) };
  });
  return [damage(query), ...checks];
}
