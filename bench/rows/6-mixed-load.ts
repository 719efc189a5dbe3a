import { setTimeout as sleep } from "node:timers/promises";
import type { Fact, Figure, Findings, Row } from "../measure.ts";
import { type OpenOutcome, openLoop, type TimedAsk } from "../open-loop.ts";
import { cpuTime } from "../processes.ts";
import { API, createAsk, HOLDING, holding, signUp, startService, type User } from "../service.ts";
import type { Simulated } from "../simulators.ts";

const RATE = 1_000;
const MARK_MS = 50;
const DURATION_MS = 15_000;
const WARM_UP_MS = 5_000;
/** Tried before: at which rate does it hold, should it not at the full one? */
const LOWER_RATES = [250, 500, 750] as const;
const LOWER_DURATION_MS = 6_000;
const LOWER_WARM_UP_MS = 2_000;
const USERS = 20;
/** Finished conversions of each: more than fill a page. */
const FINISHED = 24;
const FINISH_TIMEOUT_MS = 60_000;
/** How long a job stays in the queue. */
const JOB_MS = 500;
const REST_TIMEOUT_MS = 15_000;
const VARIABLES = { FREE_MONTHLY_CONVERSIONS: "1000000", MAX_CONCURRENT_CONVERSIONS: "1000" };

type Database = Awaited<ReturnType<Simulated["databaseOf"]>>;

/** Conversions that have really run, by the local engine. @returns their ids, by user. */
async function finish(users: readonly User[], database: Database): Promise<string[][]> {
  const created: string[][] = [];
  for (const { client, imageId } of users) {
    const ids: string[] = [];
    while (ids.length < FINISHED) {
      const { id } = await client.convert({ kind: "style", personImageId: imageId, stylePreset: "duotone" });
      ids.push(id);
    }
    created.push(ids);
  }
  const left = database.prepare("SELECT count(*) AS n FROM conversions WHERE status <> 'succeeded'");
  const deadline = Date.now() + FINISH_TIMEOUT_MS;
  while ((await left.first<number>("n")) !== 0) {
    if (Date.now() > deadline) throw new Error("the conversions to read did not finish in time");
    await sleep(200);
  }
  return created;
}

/** Of ten requests seven read, two list and one creates; each user in turn. */
function mix(users: readonly User[], finished: readonly (readonly string[])[]): TimedAsk[] {
  const kinds = ["read", "list", "read", "read", "create", "read", "read", "list", "read", "read"] as const;
  return Array.from({ length: FINISHED }, (_, round) =>
    users.flatMap((user, u) => {
      const { headers } = user;
      const path = `/api/conversions/${finished[u]?.[round]}`;
      const asks = {
        read: { kind: "read", method: "GET", path, headers, expected: 200 },
        list: { kind: "list", method: "GET", path: "/api/conversions", headers, expected: 200 },
        create: { kind: "create", ...createAsk(user), expected: 202 },
      } as const;
      return kinds.map((kind): TimedAsk => asks[kind]);
    }),
  ).flat();
}

/** Ends what was created, as consumers would on machines of their own: a queue that only grows would be another load. */
async function endingJobs<T>(database: Database, during: Promise<T>): Promise<T> {
  const end = database.prepare(
    "UPDATE conversions SET status = 'canceled', stage = NULL, completed_at = created_at WHERE status = 'queued'",
  );
  let isOver = false;
  const ending = (async () => {
    while (!isOver) {
      await sleep(JOB_MS);
      await end.run();
    }
  })();
  try {
    return await during;
  } finally {
    isOver = true;
    await ending;
  }
}

interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

interface Measured extends OpenOutcome {
  /** Processor time of the thread of all Workers and simulators, a request. */
  readonly cpuMs: number;
}

const all = ({ latencies }: OpenOutcome) => Object.values(latencies).flat();
const achieved = (outcome: OpenOutcome) => (all(outcome).length * 1_000) / outcome.answeredMs;
const keepsUp = (outcome: OpenOutcome) => outcome.wrongCount === 0 && percentiles(all(outcome)).p95 <= MARK_MS;

/** Waits until the service has got over the load before. */
async function rested(url: string): Promise<void> {
  const deadline = Date.now() + REST_TIMEOUT_MS;
  for (let quick = 0; quick < 5 && Date.now() < deadline; await sleep(50)) {
    const startedAt = performance.now();
    await (await fetch(`${url}/api/health`)).text();
    quick = performance.now() - startedAt < MARK_MS ? quick + 1 : 0;
  }
}

function told(rate: number, outcome: Measured): string {
  const tell = (name: string, values: readonly number[]) => {
    const { p50, p95, p99 } = percentiles(values);
    return `${name} ${p50.toFixed(0)}/${p95.toFixed(0)}/${p99.toFixed(0)}`;
  };
  const kinds = Object.entries(outcome.latencies).map(([kind, values]) => tell(kind, values));
  const figures = [tell("all", all(outcome)), ...kinds].join(", ");
  const cpu = `; ${outcome.cpuMs.toFixed(2)} ms of processor time a request`;
  return `At ${rate}/s: ${achieved(outcome).toFixed(0)}/s answered; p50/p95/p99 in ms: ${figures}${cpu}.`;
}

const figure = (what: string, unit: string, value: number, mark: Figure["mark"] = null): Figure => ({
  what,
  unit,
  value,
  mark,
});

/** Below that share of the rate, answers fall behind, and an overloaded service refuses some. */
const KEPT_UP = 0.98;

/** What loads that it kept up with were answered with, and what all loads left in the database. */
async function facts(outcomes: ReadonlyMap<number, Measured>, database: Database): Promise<Fact[]> {
  const ids = [...outcomes.values()].flatMap((each) => each.ids);
  const { results } = await database
    .prepare("SELECT id FROM conversions WHERE status = 'canceled'")
    .all<{ id: string }>();
  const stored = new Set(results.map(({ id }) => id));
  const both = ids.filter((id) => stored.has(id)).length;
  const kept = [...outcomes].filter(([rate, outcome]) => achieved(outcome) >= KEPT_UP * rate);
  const rates = kept.map(([rate]) => rate).join(", ") || "no rate";
  const sum = (of: "sent" | "wrongCount") => kept.reduce((total, [, outcome]) => total + outcome[of], 0);
  const answers = (wrong: number) => `${wrong} of ${sum("sent")} failed or were not as they should be`;
  const found = [answers(sum("wrongCount")), ...kept.flatMap(([, { wrong }]) => wrong)].join("; ");
  return [
    { what: `requests at what it keeps up with (${rates}/s)`, expected: answers(0), found },
    {
      what: "creates of all loads",
      expected: `${ids.length} of ${ids.length} that were answered have their row`,
      found: `${both} of ${ids.length} that were answered have their row`,
    },
  ];
}

const NOTES = [
  "Requests are sent when they are due, whatever became of those before (open loop), and latency counts from then. One",
  "thread runs all Workers, the simulators of D1 and Durable Objects among them; the load has the other core.",
  `${USERS} users with ${FINISHED} finished conversions each; a list is a page of 20. Jobs that are created are ended by one`,
  `statement every ${JOB_MS} ms, as consumers elsewhere would: running them is row 5's.`,
];

async function measure(say: (progress: string) => void, workers: Simulated): Promise<Findings> {
  const database = await workers.databaseOf(HOLDING);
  const users = await signUp(await workers.urlOf(API), USERS);
  say(`running ${USERS * FINISHED} conversions to read`);
  const asks = mix(users, await finish(users, database));
  const url = await workers.urlOf(HOLDING);
  const load = async (perSecond: number, warmUpMs: number, durationMs: number): Promise<Measured> => {
    await rested(url);
    const before = cpuTime(workers.workerdPid).mainMs;
    const outcome = await endingJobs(database, openLoop({ url, perSecond, warmUpMs, durationMs, asks }));
    const cpuMs = (cpuTime(workers.workerdPid).mainMs - before) / (outcome.sent - outcome.wrongCount);
    return { ...outcome, cpuMs };
  };
  const outcomes = new Map<number, Measured>();
  for (const rate of LOWER_RATES) {
    say(`${rate}/s for ${LOWER_DURATION_MS / 1_000} s`);
    const outcome = await load(rate, LOWER_WARM_UP_MS, LOWER_DURATION_MS);
    outcomes.set(rate, outcome);
    if (!keepsUp(outcome)) break;
  }
  say(`${RATE}/s for ${DURATION_MS / 1_000} s`);
  const full = await load(RATE, WARM_UP_MS, DURATION_MS);
  outcomes.set(RATE, full);
  const holding = [...outcomes].filter(([, outcome]) => keepsUp(outcome)).map(([rate]) => rate);
  const { p50, p95, p99 } = percentiles(all(full));
  const figures = [
    figure(`p95 at ${RATE}/s`, "ms", p95, { kind: "at most", value: MARK_MS }),
    figure(`p50 at ${RATE}/s`, "ms", p50),
    figure(`p99 at ${RATE}/s`, "ms", p99),
    figure("failed", "requests", full.wrongCount, { kind: "at most", value: 0 }),
    figure("answered a second", "/s", achieved(full)),
    figure(`highest rate tried at which p95 is at most ${MARK_MS} ms`, "/s", Math.max(0, ...holding)),
  ];
  const notes = [...[...outcomes].map(([rate, outcome]) => told(rate, outcome)), ...NOTES];
  return { comparisons: [], figures, facts: await facts(outcomes, database), notes };
}

export const mixedLoad: Row = {
  number: 6,
  title: `70 % reads, 20 % lists, 10 % creates at ${RATE} requests a second`,
  reference: "none",
  async measure(say) {
    say("building, and signing up");
    const workers = await startService({
      minify: true,
      inspect: false,
      variables: VARIABLES,
      beside: (api) => [holding(api)],
    });
    try {
      return await measure(say, workers);
    } finally {
      await workers.stop();
    }
  },
};
