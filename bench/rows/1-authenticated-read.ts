import { setTimeout as sleep } from "node:timers/promises";
import { load } from "../load.ts";
import { allInTurns, type Comparison, type Fact, type Row } from "../measure.ts";
import { type Reading, startReading, type Target } from "../reading.ts";

const CONNECTIONS = 32;
const REQUESTS = 250;
const ROUNDS = 30;
/** Rounds before anything counts: the optimizing compiler's turn. */
const WARM_UP = 4;
const SAMPLE_EVERY = 50;
/** Samples are handed on after two seconds; one that was counted twice would have come by then, too. */
const METRICS_SETTLE_MS = 3_000;
const METRICS_TIMEOUT_MS = 20_000;

/** What came of all requests to one target. */
class Tally {
  readonly #name: string;
  readonly #target: Target;
  sent = 0;
  #ok = 0;
  #sampled = 0;
  #right = 0;

  constructor(name: string, target: Target) {
    this.#name = name;
    this.#target = target;
  }

  async rate(): Promise<number> {
    const { url, path, headers, id } = this.#target;
    const sample = { every: SAMPLE_EVERY, isRight: (body: string) => body.startsWith(`{"id":"${id}",`) };
    const outcome = await load({ url, paths: [path], connections: CONNECTIONS, requests: REQUESTS, headers, sample });
    this.sent += REQUESTS;
    this.#ok += outcome.statuses[200] ?? 0;
    this.#sampled += outcome.sampled;
    this.#right += outcome.sampled - outcome.wrong;
    return outcome.perSecond;
  }

  fact(): Fact {
    const tell = (ok: number, right: number) =>
      `${ok} of ${this.sent} are 200, ${right} of ${this.#sampled} that were read are the right conversion`;
    const { sent } = this;
    const expected = tell(sent, this.#sampled);
    return { what: `answers of ${this.#name}`, expected, found: tell(this.#ok, this.#right) };
  }
}

/** The value of a counter, added up over the shards. */
function countedReads(exposition: string): number {
  const series =
    /^http_requests_total\{method="GET",route="\/api\/conversions\/\{id\}",status="200",shard="\d+"\} (\d+)$/gm;
  return [...exposition.matchAll(series)].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Every request is in the metrics, and none twice. */
async function countedExactly(reading: Reading, sent: number): Promise<Fact> {
  const expected = reading.readsBefore + sent;
  const deadline = Date.now() + METRICS_TIMEOUT_MS;
  while (countedReads(await reading.metrics()) < expected && Date.now() < deadline) await sleep(500);
  await sleep(METRICS_SETTLE_MS);
  const found = countedReads(await reading.metrics());
  return { what: "reads that /api/metrics tells of after the load", expected: String(expected), found: String(found) };
}

const NOTES = [
  "All Workers share one workerd and its one thread, the tail Worker included: what it does counts as the api's cost.",
  "Requests go to each Worker's own socket. D1 is miniflare's: a Worker around a Durable Object's SQLite, whose files are",
  "in memory, for all alike. Points of Analytics Engine end in its simulator, and the log in a pipe that is drained.",
  "The unobserved api is the same app with a telemetry that does nothing: what it is handed is still made ready.",
];

export const authenticatedRead: Row = {
  number: 1,
  title: "GET /api/conversions/{id}, signed in",
  reference: "a bare Worker: one Durable Object call, one D1 point read; and the api without observability",
  async measure(say) {
    say("building, and making a conversion to read");
    const reading = await startReading({ minify: true, inspect: false });
    try {
      const bare = new Tally("the bare Worker", reading.bare);
      const unobserved = new Tally("the unobserved api", reading.unobserved);
      const api = new Tally("the api", reading.api);
      const ways = { bare: () => bare.rate(), unobserved: () => unobserved.rate(), api: () => api.rate() };
      await allInTurns(WARM_UP, ways);
      say(`${ROUNDS} rounds of ${REQUESTS} from ${CONNECTIONS} connections`);
      const rounds = await allInTurns(ROUNDS, ways);
      const against = (reference: "bare" | "unobserved", subject: "unobserved" | "api") =>
        rounds.map((figures) => ({ reference: figures[reference], subject: figures[subject] }));
      const comparisons: Comparison[] = [
        { what: "api, to bare", unit: "/s", mark: { kind: "at least", ratio: 0.6 }, pairs: against("bare", "api") },
        {
          what: "observability's cost: api, to unobserved",
          unit: "/s",
          mark: { kind: "at least", ratio: 0.9 },
          pairs: against("unobserved", "api"),
        },
        { what: "unobserved, to bare", unit: "/s", mark: null, pairs: against("bare", "unobserved") },
      ];
      say("counting what was counted");
      const counted = await countedExactly(reading, api.sent);
      return { comparisons, facts: [api.fact(), unobserved.fact(), bare.fact(), counted], notes: NOTES };
    } finally {
      await reading.workers.stop();
    }
  },
};
