import { type Fact, type Figure, inTurns, type Row, spread } from "../measure.ts";
import { jobsDrained, type Pipeline, startPipeline } from "../pipeline.ts";
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

async function count(pipeline: Pipeline, query: string): Promise<number> {
  return (await pipeline.database.prepare(query).first<number>("n")) ?? -1;
}

async function objectsOf(pipeline: Pipeline): Promise<number> {
  const bucket = await pipeline.workers.bucketOf(CONSUMER);
  let found = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await bucket.list({ prefix: "results/", ...(cursor === undefined ? {} : { cursor }) });
    found += page.objects.length;
    if (!page.truncated) return found;
    cursor = page.cursor;
  }
}

/** Every job was done once, whole, and its unit was taken. */
async function doneExactly(pipeline: Pipeline, jobs: number): Promise<Fact[]> {
  const tell = (conversions: number, calls: number, units: number, objects: number) =>
    `${conversions} succeeded, ${calls} calls of the provider, ${units} units committed, ${objects} objects stored`;
  const found = tell(
    await count(pipeline, "SELECT count(*) AS n FROM conversions WHERE status = 'succeeded' AND attempt = 1"),
    pipeline.gemini.counts().requests,
    await count(pipeline, "SELECT coalesce(sum(units), 0) AS n FROM quota_ledger WHERE state = 'committed'"),
    await objectsOf(pipeline),
  );
  return [
    { what: `what came of ${jobs} jobs`, expected: tell(jobs, jobs, jobs, OBJECTS_A_RESULT * jobs), found },
    {
      what: "calls on record, and jobs left",
      expected: `${jobs} settled, 0 left`,
      found: `${await count(pipeline, "SELECT count(*) AS n FROM provider_calls WHERE outcome = 'success'")} settled, ${await count(pipeline, "SELECT count(*) AS n FROM conversions WHERE status IN ('queued', 'processing')")} left`,
    },
  ];
}

const NOTES = [
  "The provider is a fake of Google's API in the harness, over HTTP, which answers with a picture of 128 px; nothing is",
  "taken off for its time. Both queues hand out one message at a time and wait for it (miniflare's queues do, deployed",
  "ones have ten under way), so that conversions a second are one over the time of one.",
  "The reference's message brings one statement. A conversion of a paid provider brings twelve requests to D1 with 24",
  "statements, seven to R2, two calls of the circuit's object, one of the provider, a decode and three encodes.",
];

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
  reference: "a bare consumer that writes one row a message",
  async measure(say) {
    say("building, and signing up");
    const started = await startPipeline({ minify: true, inspect: false });
    try {
      let jobs = 0;
      const rows = () => started.runRows(JOBS);
      const conversions = async () => {
        jobs += JOBS;
        return started.runJobs(await started.hold(JOBS));
      };
      await inTurns(WARM_UP, rows, conversions);
      say(`${ROUNDS} rounds of ${JOBS}`);
      const pairs = await inTurns(ROUNDS, rows, conversions);
      say(`${ALONE} conversions, each alone`);
      const [small, smallStages] = await overhead(started, 128, ALONE);
      const [large, largeStages] = await overhead(started, 1024, ALONE_LARGE);
      const facts = await doneExactly(started, jobs + ALONE + ALONE_LARGE);
      const comparison = { what: "jobs", unit: "/s", mark: { kind: "at least", ratio: 0.5 }, pairs } as const;
      return {
        comparisons: [comparison],
        figures: [small, large],
        facts,
        notes: [smallStages, largeStages, ...NOTES],
      };
    } finally {
      await started.stop();
    }
  },
};
