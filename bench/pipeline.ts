/**
 * The service with jobs to run and a provider that answers at once, the least that could take a message, and the least
 * that could do a job: row 5.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../scripts/stack-env.ts";
import { type GeminiFake, startGeminiFake } from "../src/providers/gemini/fake.ts";
import { json, success } from "../src/providers/gemini/fake-answers.ts";
import { createNodeCodec } from "../test/support/node-codec.ts";
import { pngOf } from "../test/support/pictures.ts";
import { API, CONSUMER, HOLDING, holding, signUp, startService, type User } from "./service.ts";
import type { Simulated, WorkerOptions } from "./simulators.ts";

export const BARE = "bench-pipeline";
const ROWS_QUEUE = "bench-rows";
export const PLAIN = "bench-pipeline-plain";
/** Written by the batch in which a job succeeds: picture, conversion, event, unit, two counters, promise, times. */
export const ROWS_AT_THE_END = 8;
/** Seldom: each look is work for the Workers' thread, and times are taken from the rows. */
const POLL_MS = 100;
const DRAIN_TIMEOUT_MS = 60_000;
/** Makers of jobs; each may have so many under way as there are in a round. */
const USERS = 8;
const VARIABLES = { FREE_MONTHLY_CONVERSIONS: "1000000", MAX_CONCURRENT_CONVERSIONS: "1000" };

type Database = Awaited<ReturnType<Simulated["databaseOf"]>>;

/** What an endless queue of jobs is made of, and where its rows go. */
export interface Pipeline {
  readonly workers: Simulated;
  readonly gemini: GeminiFake;
  readonly database: Database;
  readonly bareDatabase: Database;
  readonly plainDatabase: Database;
  /** Somebody whose jobs run as soon as they are created. */
  readonly user: User;
  /** The longest side of what the provider answers with, from now on. */
  answerWith(side: keyof Pictures): void;
  /** Creates so many conversions that wait. @returns their ids. */
  hold(count: number): Promise<string[]>;
  /** Hands them to the consumer's queue. @returns how many a second were done. */
  runJobs(ids: readonly string[]): Promise<number>;
  /** Hands as many messages to the bare consumer's queue. @returns how many rows a second were written. */
  runRows(count: number): Promise<number>;
  /** Hands as many messages to the plain consumer's queue. @returns how many results a second were made. */
  runPlain(count: number): Promise<number>;
  stop(): Promise<void>;
}

/** Base64 of a PNG, by its side in pixels. */
interface Pictures {
  readonly 128: string;
  readonly 1024: string;
}

async function paint(): Promise<Pictures> {
  const codec = createNodeCodec();
  const person = await codec.decode(await readFile(join(ROOT, "samples/person-astronaut.png")), "image/png");
  const squared = async (side: number) => {
    const bytes = await codec.encode(await codec.resize(person, side, side), "image/png");
    return Buffer.from(bytes).toString("base64");
  };
  return { 128: await squared(128), 1024: await squared(1024) };
}

/** The consumer awaits each job, as it does where it is deployed; in development it would let go of them. */
function consumerAsDeployed(options: WorkerOptions): WorkerOptions {
  if (options.name !== CONSUMER) return options;
  return { ...options, bindings: { ...(options.bindings as object), ENVIRONMENT: "production" } };
}

/** The settings of the consumer's queue. */
const SETTINGS = { maxBatchSize: 1, maxBatchTimeout: 0, maxRetries: 15 };

function plainOptions({ apiKey, url }: GeminiFake): WorkerOptions {
  return {
    name: PLAIN,
    bindings: { GEMINI_API_KEY: apiKey, GEMINI_BASE_URL: url, ROWS: ROWS_AT_THE_END },
    d1Databases: { DB: { id: PLAIN } },
    r2Buckets: { BUCKET: PLAIN },
    queueProducers: { PLAIN: { queueName: PLAIN } },
    queueConsumers: { [PLAIN]: SETTINGS },
  };
}

function bareOptions(): WorkerOptions {
  return {
    name: BARE,
    d1Databases: { DB: { id: BARE } },
    queueProducers: { JOBS: { queueName: "ai-styler-conversions" }, ROWS: { queueName: ROWS_QUEUE } },
    queueConsumers: { [ROWS_QUEUE]: SETTINGS },
  };
}

/** Waits until a query that counts what is left counts nothing. */
async function drained(database: Database, query: string, complaints: () => string): Promise<void> {
  const deadline = Date.now() + DRAIN_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if ((await database.prepare(query).first<number>("left")) === 0) return;
    await sleep(POLL_MS);
  }
  throw new Error(`jobs were left after ${DRAIN_TIMEOUT_MS} ms\n${complaints()}`);
}

/** Jobs, and what follows them in the background: nothing of a round reaches into the next. */
const JOBS_LEFT = `SELECT (SELECT count(*) FROM conversions WHERE status IN ('queued', 'processing'))
  + (SELECT count(*) FROM provider_calls WHERE outcome = 'pending') + (SELECT count(*) FROM outbox) AS left`;

export async function jobsDrained({ database, workers }: Pick<Pipeline, "database" | "workers">): Promise<void> {
  await drained(database, JOBS_LEFT, workers.complaints);
}

async function post(url: string, ids: readonly string[]): Promise<number> {
  const startedAt = Date.now();
  const sent = await fetch(url, { method: "POST", body: JSON.stringify(ids) });
  if (!sent.ok) throw new Error(`${url} answered ${sent.status}`);
  return startedAt;
}

/** What the workers do and how they are told to; `users` create what waits. */
async function controls(workers: Simulated, users: readonly User[]) {
  const url = await workers.urlOf(BARE);
  const holdingUrl = await workers.urlOf(HOLDING);
  const database = await workers.databaseOf(API);
  const bareDatabase = await workers.databaseOf(BARE);
  const plainUrl = await workers.urlOf(PLAIN);
  const plainDatabase = await workers.databaseOf(PLAIN);
  const perSecond = (count: number, startedAt: number, endedAt: number | null) =>
    (count * 1_000) / ((endedAt ?? Number.NaN) - startedAt);
  let rows = 0;
  let results = 0;
  return {
    database,
    bareDatabase,
    plainDatabase,
    async hold(count: number): Promise<string[]> {
      const created = Array.from({ length: count }, async (_, i) => {
        const { client, imageId } = users[i % users.length] as User;
        return client.at(holdingUrl).convert({ kind: "style", personImageId: imageId, stylePreset: "watercolor" });
      });
      return (await Promise.all(created)).map(({ id }) => id);
    },
    async runJobs(ids: readonly string[]): Promise<number> {
      const startedAt = await post(`${url}/jobs`, ids);
      await jobsDrained({ database, workers });
      const last = database.prepare("SELECT max(completed_at) AS at FROM conversions WHERE status = 'succeeded'");
      return perSecond(ids.length, startedAt, await last.first<number>("at"));
    },
    async runRows(count: number): Promise<number> {
      const ids = Array.from({ length: count }, () => String(rows++).padStart(30, "0"));
      const startedAt = await post(`${url}/rows`, ids);
      await drained(bareDatabase, `SELECT ${rows} - count(*) AS left FROM rows`, workers.complaints);
      return perSecond(count, startedAt, await bareDatabase.prepare("SELECT max(at) AS at FROM rows").first("at"));
    },
    async runPlain(count: number): Promise<number> {
      const ids = Array.from({ length: count }, () => String(results++).padStart(30, "0"));
      const startedAt = await post(plainUrl, ids);
      const left = `SELECT ${results * ROWS_AT_THE_END} - count(*) AS left FROM parts`;
      await drained(plainDatabase, left, workers.complaints);
      return perSecond(count, startedAt, await plainDatabase.prepare("SELECT max(at) AS at FROM parts").first("at"));
    },
  };
}

/** Builds, starts and signs users up. `stop` ends it. */
export async function startPipeline(options: {
  readonly minify: boolean;
  readonly inspect: boolean;
}): Promise<Pipeline> {
  const pictures = await paint();
  let data = pictures[128];
  const gemini = await startGeminiFake({ rule: (request) => json(success(request, { mimeType: "image/png", data })) });
  let workers: Simulated | null = null;
  try {
    workers = await startService({
      ...options,
      variables: { ...VARIABLES, GEMINI_API_KEY: gemini.apiKey, GEMINI_BASE_URL: gemini.url },
      change: consumerAsDeployed,
      beside: (api) => [
        holding(api),
        { options: bareOptions(), config: "bench/workers/pipeline/wrangler.toml" },
        { options: plainOptions(gemini), config: "bench/workers/pipeline-plain/wrangler.toml" },
      ],
    });
    for (const name of [BARE, PLAIN]) {
      const made = await fetch(await workers.urlOf(name), { method: "PUT", body: new Uint8Array(pngOf(96, 128)) });
      if (!made.ok) throw new Error(`${name} answered ${made.status}`);
    }
    const users = await signUp(await workers.urlOf(API), USERS);
    const started = workers;
    return {
      ...(await controls(started, users)),
      workers: started,
      gemini,
      user: users[0] as User,
      answerWith: (side) => {
        data = pictures[side];
      },
      async stop() {
        await started.stop();
        await gemini.close();
      },
    };
  } catch (error) {
    const complaints = workers?.complaints() ?? "";
    await workers?.stop();
    await gemini.close();
    throw new Error(`the service could not be prepared\n${complaints}`, { cause: error });
  }
}
