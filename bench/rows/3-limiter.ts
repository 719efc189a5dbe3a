import { load } from "../load.ts";
import { type Comparison, type Fact, inTurns, type Row } from "../measure.ts";
import { bundle, type Served, serve } from "../workerd.ts";

const MARK = { kind: "at least", ratio: 0.8 } as const;
const CONNECTIONS = 32;
const REQUESTS = 1_500;
const ROUNDS = 24;
/**
 * Takes and writes of each key before anything counts. Up to SQLite's first checkpoint, after 1,000 pages, the
 * write-ahead log grows, and every commit pays for the file system's journal; from then on it is written over, at a
 * third less. In turns, too: an object left alone for 10 s is evicted and begins a new log.
 */
const WARM_UP = 1_250;
/** Never reached: a denied take writes nothing and would be cheaper. */
const WIDE = "limit=1000000000";
/**
 * Shorter than the load, so that the removal of takes that are over is measured, too; longer than a key is left alone,
 * because an object that counts nothing any more deletes its database, and the next take would have to make it anew.
 */
const WINDOW_MS = 10_000;
const EXACT = { limit: 100, takes: 2_000 };

async function rate(worker: Served, path: string, keys: number): Promise<number> {
  const query = (key: number) => `key=${keys}-${key}&${WIDE}&windowMs=${WINDOW_MS}`;
  const paths = Array.from({ length: keys }, (_, key) => `${path}?${query(key)}`);
  const outcome = await load({ url: worker.url, paths, connections: CONNECTIONS, requests: REQUESTS });
  if (outcome.statuses[204] === REQUESTS) return outcome.perSecond;
  throw new Error(`${path} answered ${JSON.stringify(outcome.statuses)}\n${worker.complaints()}`);
}

async function compare(worker: Served, what: string, keys: number): Promise<Comparison> {
  const reference = () => rate(worker, "/write", keys);
  const subject = () => rate(worker, "/take", keys);
  await inTurns(Math.ceil((keys * WARM_UP) / REQUESTS), reference, subject);
  return { what, unit: "/s", mark: MARK, pairs: await inTurns(ROUNDS, reference, subject) };
}

async function countAllowed(worker: Served): Promise<Fact> {
  const paths = [`/take?key=exact&limit=${EXACT.limit}&windowMs=3600000`];
  const { takes } = EXACT;
  const { statuses } = await load({ url: worker.url, paths, connections: takes, requests: takes });
  return {
    what: `${takes} takes at once on a fresh key, limit ${EXACT.limit}`,
    expected: `${EXACT.limit} allowed, ${takes - EXACT.limit} denied`,
    found: `${statuses[204] ?? 0} allowed, ${statuses[429] ?? 0} denied`,
  };
}

export const limiter: Row = {
  number: 3,
  title: "limiter takes, exact",
  reference: "a Durable Object that appends one row",
  async measure(say) {
    say("building");
    const built = bundle("bench/workers/limiter/wrangler.toml");
    const objects = { LIMITER: "RateLimiter", ONE_WRITE: "OneWrite" };
    const worker = await serve({ name: "limiter", bundle: built, objects });
    try {
      say(`${ROUNDS} rounds of ${REQUESTS} on 16 keys`);
      const many = await compare(worker, "takes on 16 keys", 16);
      say(`${ROUNDS} rounds of ${REQUESTS} on 1 key`);
      const one = await compare(worker, "takes on 1 key", 1);
      say("counting what is allowed");
      return { comparisons: [many, one], facts: [await countAllowed(worker)], notes: [] };
    } finally {
      await worker.stop();
    }
  },
};
