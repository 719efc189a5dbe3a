import { setTimeout as sleep } from "node:timers/promises";
import { CONNECTIONS, type Creating, REQUESTS, startCreating, USERS } from "../creating.ts";
import { type Fact, inTurns, type Row } from "../measure.ts";
import { counted, HOLDING } from "../service.ts";
import type { Simulated } from "../simulators.ts";

const ROUNDS = 24;
/** Rounds before anything counts: the optimizing compiler's turn. */
const WARM_UP = 4;
const SETTLE_TIMEOUT_MS = 20_000;
/** Samples are handed on after two seconds; one that was counted twice would have come by then, too. */
const METRICS_SETTLE_MS = 3_000;
type Database = Awaited<ReturnType<Simulated["databaseOf"]>>;

/** The rows are those that were answered, no more, no fewer, and each has its unit. */
async function storedExactly(database: Database, { ids }: Creating): Promise<Fact[]> {
  const { results } = await database.prepare("SELECT id FROM conversions").all<{ id: string }>();
  const stored = new Set(results.map(({ id }) => id));
  const both = ids.filter((id) => stored.has(id)).length;
  const ledger = await database
    .prepare(
      `SELECT count(*) AS entries, coalesce(sum(units), 0) AS units FROM quota_ledger
        WHERE state = 'reserved' AND conversion_id IN (SELECT id FROM conversions)`,
    )
    .first<{ entries: number; units: number }>();
  const rows = (rowCount: number, answered: number) => `${rowCount} rows, ${answered} of them answered`;
  const reserved = (entries: number, units: number) => `${entries} entries, ${units} units`;
  return [
    { what: "conversions", expected: rows(ids.length, ids.length), found: rows(stored.size, both) },
    {
      what: "reserved in the ledger",
      expected: reserved(ids.length, ids.length),
      found: reserved(ledger?.entries ?? 0, ledger?.units ?? 0),
    },
  ];
}

/** Every message was sent, for the promise to send it later has gone. */
async function promisesKept(database: Database): Promise<Fact> {
  const open = async () => (await database.prepare("SELECT count(*) AS n FROM outbox").first<number>("n")) ?? -1;
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  while ((await open()) > 0 && Date.now() < deadline) await sleep(200);
  return { what: "messages that were not sent", expected: "0", found: String(await open()) };
}

/** Limit, quota and counters took note of each, and of none twice. */
async function countedExactly(url: string, { sent }: Creating): Promise<Fact> {
  const tell = (taken: number, created: number, units: number) =>
    `${taken} takes from the limit, ${created} conversions created, ${units} units reserved`;
  const read = async () => {
    const exposition = await (await fetch(`${url}/api/metrics`)).text();
    return tell(
      counted(exposition, "rate_limit_decisions_total", ['policy="conversions"', 'decision="allowed"']),
      counted(exposition, "conversions_created_total", []),
      counted(exposition, "quota_units_total", ['event="reserved"']),
    );
  };
  const expected = tell(sent, sent, sent);
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  while ((await read()) !== expected && Date.now() < deadline) await sleep(500);
  await sleep(METRICS_SETTLE_MS);
  return { what: "what /api/metrics tells of", expected, found: await read() };
}

const NOTES = [
  `${USERS} users, each with the session, limit and quota of anyone; only the numbers are high, so that none refuses.`,
  "The reference's object answers out of memory, as the session's does, and its four rows go into four tables. The api",
  "asks one object more, the limiter's, which writes, and its batch has six statements; both send the message, and the api",
  "takes back its promise to send it, after the answer. The queue has no consumer, for both: jobs are row 5's.",
  "All Workers share one workerd and its one thread, the tail Worker included: what it does counts as the api's cost.",
];

export const create: Row = {
  number: 2,
  title: "POST /api/conversions, signed in",
  reference: "a bare Worker: one Durable Object call, one D1 batch of four writes, one queue send",
  async measure(say) {
    say(`building, and signing up ${USERS} users`);
    const { workers, url, api, bare } = await startCreating({ minify: true, inspect: false });
    try {
      const ways = [() => bare.rate(), () => api.rate()] as const;
      await inTurns(WARM_UP, ...ways);
      say(`${ROUNDS} rounds of ${REQUESTS} from ${CONNECTIONS} connections`);
      const pairs = await inTurns(ROUNDS, ...ways);
      say("counting what was created");
      const database = await workers.databaseOf(HOLDING);
      const kept = await promisesKept(database);
      const facts = [
        api.answers("the api"),
        bare.answers("the bare Worker"),
        ...(await storedExactly(database, api)),
        kept,
        await countedExactly(url, api),
      ];
      const comparison = { what: "creates", unit: "/s", mark: { kind: "at least", ratio: 0.5 }, pairs } as const;
      return { comparisons: [comparison], facts, notes: NOTES };
    } finally {
      await workers.stop();
    }
  },
};
