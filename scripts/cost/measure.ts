/** What each operation of a user uses, measured on the rig. */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Counts } from "../../bench/workers/cost/counts.ts";
import { type Measured, OPERATIONS, type OperationId } from "./measured.ts";
import { type Readings, Rig, WORKERS, type WorkerId } from "./rig.ts";
import { type Journey, newJourney, type Photos, prepare, STEPS, type Step, takePhotos } from "./steps.ts";
import {
  COUNTED_NAMES,
  type Counted,
  countedOf,
  less,
  median,
  medianOf,
  plus,
  type Timed,
  type Usage,
} from "./usage.ts";

/** Users whose operations are counted. */
const USERS = 5;
/** How often an operation is run for its CPU time: one that decodes pictures, and another. */
const HEAVY_RUNS = 6;
const LIGHT_RUNS = 30;
/** The tail is told after the invocation; the last of it is waited for. */
const TAIL_MS = 700;
const ALL = Object.keys(WORKERS) as readonly WorkerId[];

type Clocked = Pick<Timed, "objectMs" | "bytesIn" | "bytesOut">;
type Computed = Pick<Timed, "cpuMs" | "d1Bytes">;

/** One run of an operation. */
export interface Sample {
  readonly id: OperationId;
  readonly counted: Counted;
  readonly clocked: Clocked;
}

function countsOf(readings: Readings, workers: readonly WorkerId[] = ALL): Partial<Record<WorkerId, Counts>> {
  return Object.fromEntries(workers.map((id) => [id, readings[id].counts]));
}

async function countedUntilNow(rig: Rig): Promise<Counted> {
  return countedOf(countsOf(await rig.settled()));
}

/** Does what was left for later, and forgets that it was counted. */
export async function finish(rig: Rig): Promise<void> {
  await rig.settled();
  await rig.cron();
  await rig.alarms();
  await rig.settled();
}

/** What a minute brings when nothing has happened. */
export async function idleMinute(rig: Rig): Promise<Counted> {
  await finish(rig);
  await rig.cron();
  return countedUntilNow(rig);
}

/**
 * What an operation leaves for later: the next minute's sweeps, beyond what they do anyway, and the alarms of the
 * limiters it counted in.
 */
async function laterOf(rig: Rig, idle: Counted): Promise<Counted> {
  await rig.cron();
  const swept = less(await countedUntilNow(rig), idle);
  await rig.alarms();
  return plus(swept, await countedUntilNow(rig));
}

function clockedOf(readings: Readings, workers: readonly WorkerId[]): Clocked {
  const objects = workers
    .flatMap((id) => Object.entries(readings[id].counts))
    .filter(([name]) => /^object\.(?!METRICS_SHARD).*\.ms$/.test(name));
  return { objectMs: objects.reduce((sum, [, ms]) => sum + ms, 0), bytesIn: 0, bytesOut: 0 };
}

/** One run of a step: one operation, or two where the consumer has a job of it. */
export async function sample(rig: Rig, step: Step, journey: Journey, idle: Counted): Promise<readonly Sample[]> {
  const { traffic } = journey.person;
  const before = { ...traffic };
  await step.run(journey);
  const readings = await rig.settled();
  const later = await laterOf(rig, idle);
  const bodies = { bytesIn: traffic.bytesIn - before.bytesIn, bytesOut: traffic.bytesOut - before.bytesOut };
  const part = (id: OperationId, workers: readonly WorkerId[], rest: readonly Counted[]): Sample => ({
    id,
    counted: rest.reduce(plus, countedOf(countsOf(readings, workers))),
    clocked: clockedOf(readings, workers),
  });
  const own = part(step.id, step.job === undefined ? ALL : ["api"], step.job === undefined ? [later] : []);
  const asked = { ...own, clocked: { ...own.clocked, ...bodies } };
  return step.job === undefined ? [asked] : [asked, part(step.job, ["consumer"], [later])];
}

async function databaseBytes(rig: Rig): Promise<number> {
  const readings = await rig.settled();
  return Math.max(readings.api.gauges["d1.bytes"] ?? 0, readings.consumer.gauges["d1.bytes"] ?? 0);
}

/** The CPU time of a step and the growth of the database, each on average over some users. */
async function computedBy(rig: Rig, step: Step, photos: Photos): Promise<Computed> {
  const runs = step.isHeavy ? HEAVY_RUNS : LIGHT_RUNS;
  const journeys = Array.from({ length: runs }, () => newJourney(rig, photos));
  for (const journey of journeys) await prepare(journey, step);
  await rig.cron();
  const before = await databaseBytes(rig);
  const cpuMs = await rig.computed(async () => {
    for (const journey of journeys) {
      await step.run(journey);
      if (step.job !== undefined) await rig.settled();
    }
    await sleep(TAIL_MS);
  });
  await rig.cron();
  const grown = (await databaseBytes(rig)) - before;
  return { cpuMs: divided(cpuMs, runs), d1Bytes: Math.max(0, Math.round(grown / runs)) };
}

/** To a hundredth of a millisecond, which is more than is known. */
function divided(cpuMs: Timed["cpuMs"], runs: number): Timed["cpuMs"] {
  const mean = Object.entries(cpuMs).map(([id, ms]) => [id, Math.round((100 * ms) / runs) / 100] as const);
  return Object.fromEntries(mean) as Timed["cpuMs"];
}

/** Where a step is two operations, the api's part is the one's, the consumer's the other's; the tail heard of both. */
function partsOf(
  step: Step,
  computed: Computed,
  samples: readonly Sample[],
): readonly (readonly [OperationId, Computed])[] {
  if (step.job === undefined) return [[step.id, computed]];
  const tails = (id: OperationId) => median(samples.filter((one) => one.id === id).map(({ counted }) => counted.tails));
  const share = tails(step.id) / (tails(step.id) + tails(step.job));
  const { api, consumer, tail } = computed.cpuMs;
  const of = (ms: Partial<Timed["cpuMs"]>, part: number) => ({
    api: 0,
    consumer: 0,
    hasher: 0,
    ...ms,
    tail: tail * part,
  });
  return [
    [step.id, { cpuMs: of({ api }, share), d1Bytes: 0 }],
    [step.job, { cpuMs: of({ consumer }, 1 - share), d1Bytes: computed.d1Bytes }],
  ];
}

function usageOf(id: OperationId, samples: readonly Sample[], computed: Computed): Usage {
  const own = samples.filter((one) => one.id === id);
  const of = (name: keyof Clocked) => Math.round(10 * median(own.map(({ clocked }) => clocked[name]))) / 10;
  const clocked = { objectMs: of("objectMs"), bytesIn: of("bytesIn"), bytesOut: of("bytesOut") };
  return { ...medianOf(own.map(({ counted }) => counted)), ...clocked, ...computed };
}

/** What comes by itself: the minute's sweeps, and whoever scrapes. */
async function upkeep(rig: Rig, idle: Counted): Promise<Pick<Measured["operations"], "minute" | "scrape">> {
  await rig.settled();
  const scraped = await rig.scrape();
  const counted = await countedUntilNow(rig);
  const computed = async (run: () => Promise<unknown>): Promise<Computed> => {
    const cpuMs = await rig.computed(async () => {
      for (let i = 0; i < LIGHT_RUNS; i++) await run();
      await sleep(TAIL_MS);
    });
    return { cpuMs: divided(cpuMs, LIGHT_RUNS), d1Bytes: 0 };
  };
  const none = { objectMs: 0, bytesIn: 0, bytesOut: 0 };
  return {
    minute: { ...idle, ...none, ...(await computed(() => rig.cron())) },
    scrape: { ...counted, ...none, bytesOut: scraped.length, ...(await computed(() => rig.scrape())) },
  };
}

/** What was not counted alike for all users. */
function differencesIn(samples: readonly Sample[]): string {
  const found = (Object.keys(OPERATIONS) as OperationId[]).flatMap((id) => {
    const own = samples.filter((one) => one.id === id).map(({ counted }) => counted);
    const names = COUNTED_NAMES.filter((name) => new Set(own.map((counted) => counted[name])).size > 1);
    return names.map((name) => `${id}.${name} ${own.map((counted) => counted[name]).join(" ")}`);
  });
  return found.length === 0 ? "all users were counted alike" : `counted differently: ${found.join(", ")}`;
}

function flushOf({ flushes, rowsRead, rowsWritten }: Rig["shards"]): Measured["flush"] {
  const per = (rows: number) => Math.round((100 * rows) / flushes) / 100;
  return { objectRequests: 1, objectRowsRead: per(rowsRead), objectRowsWritten: per(rowsWritten) };
}

/** Measures everything; takes some minutes. `say` is told how far it has come. */
export async function measure(say: (line: string) => void): Promise<Measured> {
  const rig = await Rig.start({ inspect: true });
  try {
    const photos = await takePhotos();
    const samples: Sample[] = [];
    await STEPS[0]?.run(newJourney(rig, photos));
    const idle = await idleMinute(rig);
    for (let user = 1; user <= USERS; user++) {
      const journey = newJourney(rig, photos);
      for (const step of STEPS) samples.push(...(await sample(rig, step, journey, idle)));
      say(`user ${user} of ${USERS} counted`);
    }
    say(differencesIn(samples));
    const operations: Partial<Record<OperationId, Usage>> = await upkeep(rig, idle);
    for (const step of STEPS) {
      const computed = await computedBy(rig, step, photos);
      for (const [id, part] of partsOf(step, computed, samples)) operations[id] = usageOf(id, samples, part);
      say(`CPU time of ${OPERATIONS[step.job ?? step.id]} measured`);
    }
    const { api } = await rig.settled();
    const sessions = Object.entries(api.gauges).filter(([name]) => name.startsWith("object.USER_SESSIONS.bytes."));
    return {
      on: new Date().toISOString().slice(0, 10),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
      operations: operations as Measured["operations"],
      flush: flushOf(rig.shards),
      sessionBytes: median(sessions.map(([, bytes]) => bytes)),
    };
  } finally {
    await rig.stop();
  }
}
