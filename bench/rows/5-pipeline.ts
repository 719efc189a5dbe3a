import { allInTurns, type Comparison, type Fact, type Figure, type Row, spread } from "../measure.ts";
import { jobsDrained, type Pipeline, PLAIN, ROWS_AT_THE_END, startPipeline } from "../pipeline.ts";
import { CONSUMER } from "../service.ts";

/** Jobs, or rows, of one round. */
const JOBS = 25;
const ROUNDS = 16;
const WARM_UP = 3;
/** Conversions one after the other, each waited for before the next. */
const ALONE = 30;
const ALONE_LARGE = 8;
const OBJECTS_A_RESULT = 3;

/** What a conversion's events tell: when it was queued, and when it came to each stage. */
const MOMENTS = ["queued", "fetching", "generating", "encoding", "storing", "succeeded"] as const;
type Moments = Readonly<Record<(typeof MOMENTS)[number], number>>;

async function momentsOf({ database }: Pipeline, id: string): Promise<Moments> {
  const { results } = await database
    .prepare("SELECT coalesce(stage, status) AS moment, at FROM conversion_events WHERE conversion_id = ?")
    .bind(id)
    .all<{ moment: string; at: number }>();
  return Object.fromEntries(results.map(({ moment, at }) => [moment, at])) as Moments;
}

/** Conversions through the whole way, one at a time: nothing waits for anything but itself. */
async function alone(pipeline: Pipeline, count: number): Promise<Moments[]> {
  const { client, imageId } = pipeline.user;
  const all: Moments[] = [];
  while (all.length < count) {
    const { id } = await client.convert({ kind: "style", personImageId: imageId, stylePreset: "watercolor" });
    await jobsDrained(pipeline);
    all.push(await momentsOf(pipeline, id));
  }
  return all;
}

const medianMs = (all: readonly Moments[], from: keyof Moments, to: keyof Moments) =>
  spread(all.map((moments) => moments[to] - moments[from])).median;

/** Where the time goes, stage by stage. */
function stages(all: readonly Moments[]): string {
  const names = ["in the queue", "fetching", "generating", "encoding", "storing"];
  const told = names.map((name, i) => {
    const [from, to] = MOMENTS.slice(i, i + 2) as [keyof Moments, keyof Moments];
    return `${name} ${medianMs(all, from, to).toFixed(1)} ms`;
  });
  return told.join(", ");
}

async function count({ database }: Pick<Pipeline, "database">, query: string): Promise<number> {
  return (await database.prepare(query).first<number>("n")) ?? -1;
}

async function objectsOf(pipeline: Pipeline, worker: string): Promise<number> {
  const bucket = await pipeline.workers.bucketOf(worker);
  let found = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await bucket.list({ prefix: "results/", ...(cursor === undefined ? {} : { cursor }) });
    found += page.objects.length;
    if (!page.truncated) return found;
    cursor = page.cursor;
  }
}

/** Every job was done once, whole, and its unit was taken; the plain consumer, too, did what it stands for. */
async function doneExactly(pipeline: Pipeline, jobs: number, plain: number): Promise<Fact[]> {
  const tell = (conversions: number, calls: number, units: number, objects: number) =>
    `${conversions} succeeded, ${calls} calls of the provider, ${units} units committed, ${objects} objects stored`;
  const found = tell(
    await count(pipeline, "SELECT count(*) AS n FROM conversions WHERE status = 'succeeded' AND attempt = 1"),
    pipeline.gemini.counts().requests - plain,
    await count(pipeline, "SELECT coalesce(sum(units), 0) AS n FROM quota_ledger WHERE state = 'committed'"),
    await objectsOf(pipeline, CONSUMER),
  );
  const tellPlain = (objects: number, rows: number) => `${objects} objects stored, ${rows} rows written`;
  const parts = await count({ database: pipeline.plainDatabase }, "SELECT count(*) AS n FROM parts");
  return [
    { what: `what came of ${jobs} jobs`, expected: tell(jobs, jobs, jobs, OBJECTS_A_RESULT * jobs), found },
    {
      what: `what came of ${plain} plain jobs`,
      expected: tellPlain(OBJECTS_A_RESULT * plain, ROWS_AT_THE_END * plain),
      found: tellPlain(await objectsOf(pipeline, PLAIN), parts),
    },
    {
      what: "calls on record, and jobs left",
      expected: `${jobs} settled, 0 left`,
      found: `${await count(pipeline, "SELECT count(*) AS n FROM provider_calls WHERE outcome = 'success'")} settled, ${await count(pipeline, "SELECT count(*) AS n FROM conversions WHERE status IN ('queued', 'processing')")} left`,
    },
  ];
}

const NOTES = [
  "The provider is a fake of Google's API in the harness, over HTTP, which answers with a picture of 128 px; nothing is",
  "taken off for its time. Every queue hands out one message at a time and waits for it (miniflare's queues do, deployed",
  "ones have ten under way), so that conversions a second are one over the time of one.",
  "The reference's message brings one statement. A conversion of a paid provider brings eight requests to D1 with 24",
  "statements, seven to R2, two calls of the circuit's object, one of the provider, a decode and, of a picture of 128 px,",
  "two encodes.",
  `The plain consumer's message brings what a job does outside, unguarded: one request to D1 with ${ROWS_AT_THE_END} rows, four to R2, the`,
  "same call of the provider, the same decode and encodes. What is missing to the ratio of one is the price of leases,",
  "stages and their events, the circuit, calls on record, answers that are kept until their result is, what is checked in",
  "a provider's picture, the log, and metrics.",
];

/** The same measure by two references. */
function comparisons(rounds: readonly Readonly<Record<"rows" | "plain" | "conversions", number>>[]): Comparison[] {
  const against = (reference: "rows" | "plain") =>
    rounds.map((figures) => ({ reference: figures[reference], subject: figures.conversions }));
  return [
    { what: "jobs, to rows", unit: "/s", mark: { kind: "at least", ratio: 0.5 }, pairs: against("rows") },
    { what: "guarantees' cost: jobs, to plain jobs", unit: "/s", mark: null, pairs: against("plain") },
  ];
}

async function overhead(pipeline: Pipeline, side: 128 | 1024, times: number): Promise<[Figure, string]> {
  pipeline.answerWith(side);
  const all = await alone(pipeline, times);
  const what = side === 128 ? "overhead, median" : `overhead with a picture of ${side} px, median`;
  const mark = side === 128 ? ({ kind: "at most", value: 150 } as const) : null;
  const figure = { what, unit: "ms", value: medianMs(all, "queued", "succeeded"), mark };
  return [figure, `Of the ${figure.value.toFixed(0)} ms with ${side} px: ${stages(all)}.`];
}

export const pipeline: Row = {
  number: 5,
  title: "queued jobs to results, with a provider that answers at once",
  reference: "a bare consumer that writes one row a message; and one that does a job's outside work, unguarded",
  async measure(say) {
    say("building, and signing up");
    const started = await startPipeline({ minify: true, inspect: false });
    try {
      const ways = {
        rows: () => started.runRows(JOBS),
        plain: () => started.runPlain(JOBS),
        conversions: async () => started.runJobs(await started.hold(JOBS)),
      };
      await allInTurns(WARM_UP, ways);
      say(`${ROUNDS} rounds of ${JOBS}`);
      const rounds = await allInTurns(ROUNDS, ways);
      const run = (WARM_UP + ROUNDS) * JOBS;
      say(`${ALONE} conversions, each alone`);
      const [small, smallStages] = await overhead(started, 128, ALONE);
      const [large, largeStages] = await overhead(started, 1024, ALONE_LARGE);
      const facts = await doneExactly(started, run + ALONE + ALONE_LARGE, run);
      return {
        comparisons: comparisons(rounds),
        figures: [small, large],
        facts,
        notes: [smallStages, largeStages, ...NOTES],
      };
    } finally {
      await started.stop();
    }
  },
};
