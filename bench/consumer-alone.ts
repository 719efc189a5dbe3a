/** The consumer in a process without the api, with conversions that wait for it: what row 10 measures. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient, newPhone } from "../scripts/api-client.ts";
import { WORKERS } from "../scripts/bundle-size.ts";
import { newSecret } from "../scripts/stack-env.ts";
import { FROM, migrate } from "./service.ts";
import { optionsOf, type Simulated, simulate, type WorkerOptions } from "./simulators.ts";
import { type Bundle, bundle, temporaryFolder } from "./workerd.ts";

const DRIVER = "bench-memory";
const POLL_MS = 20;
const JOB_TIMEOUT_MS = 30_000;

interface Built {
  readonly options: WorkerOptions;
  readonly bundle: Bundle;
}

/** A conversion to be made of the picture. */
export interface Wish {
  readonly stylePreset: string;
  readonly outputFormat: "jpeg" | "png" | "webp";
}

/** State in which conversions wait, and the Workers that may come to it. */
export interface Prepared {
  readonly stateDir: string;
  readonly workers: readonly Built[];
  /** In the order of the wishes. */
  readonly conversionIds: readonly string[];
}

export interface Alone {
  readonly pid: number;
  /** Has the consumer run a conversion to its end. @throws {Error} unless it succeeds. */
  run(conversionId: string): Promise<void>;
  /** Has it prepare an upload. @returns the dimensions it found, or why it refused. */
  prepare(picture: Buffer, mime: string, size: { readonly width: number; readonly height: number }): Promise<string>;
  stop(): Promise<void>;
}

function buildService(): Built[] {
  const bindings = {
    ENVIRONMENT: "development",
    JWT_SECRET: newSecret(),
    LOG_FORMAT: "json",
    FREE_MONTHLY_CONVERSIONS: "1000",
    MAX_CONCURRENT_CONVERSIONS: "1000",
  };
  return WORKERS.map(({ name, config }) => ({
    options: { ...optionsOf(config, `ai-styler-${name}`), bindings },
    bundle: bundle(config),
  }));
}

/** Without its queue the consumer runs nothing: what is created waits. */
function withoutQueues({ options, bundle: built }: Built): Built {
  return { options: { ...options, queueConsumers: {}, cronTriggers: [] }, bundle: built };
}

/** Builds the service and has it take the picture, a JPEG, and the wishes, and do nothing about them yet. */
export async function prepareConversions(picture: Buffer, wishes: readonly Wish[]): Promise<Prepared> {
  const stateDir = temporaryFolder({ inMemory: true });
  migrate(stateDir);
  const workers = buildService();
  const file = join(temporaryFolder(), "person.jpg");
  writeFileSync(file, picture);
  const service = await simulate(workers.map(withoutQueues), { stateDir });
  try {
    const client = new ApiClient(await service.urlOf("ai-styler-api"), null, FROM);
    await client.signUp(newPhone());
    const { id: personImageId } = await client.upload(file, "person");
    const conversionIds: string[] = [];
    for (const wish of wishes) {
      const { id } = await client.convert({ kind: "style", personImageId, ...wish });
      conversionIds.push(id);
    }
    return { stateDir, workers, conversionIds };
  } catch (error) {
    throw new Error(`the conversions could not be prepared\n${service.complaints()}`, { cause: error });
  } finally {
    await service.stop();
  }
}

/** As it is deployed, the consumer waits for a job before it takes the next message. */
function driven({ workers }: Prepared): Built[] {
  const consumer = workers.find(({ options }) => options.name === "ai-styler-consumer");
  const tail = workers.find(({ options }) => options.name === "ai-styler-tail");
  if (consumer === undefined || tail === undefined) throw new Error("there is no consumer, or no tail");
  const bindings = { ...(consumer.options.bindings as object), ENVIRONMENT: "production" };
  const driver = {
    name: DRIVER,
    queueProducers: { JOBS: { queueName: "ai-styler-conversions" } },
    serviceBindings: { IMAGES: { name: "ai-styler-consumer", entrypoint: "ImageProcessor" } },
  };
  return [
    { options: { ...consumer.options, bindings, cronTriggers: [] }, bundle: consumer.bundle },
    withoutQueues(tail),
    { options: driver, bundle: bundle("bench/workers/memory/wrangler.toml") },
  ];
}

async function ended(service: Simulated, id: string): Promise<string> {
  const database = await service.databaseOf("ai-styler-consumer");
  const query = database.prepare("SELECT status FROM conversions WHERE id = ?").bind(id);
  for (const deadline = Date.now() + JOB_TIMEOUT_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    const status = await query.first<string>("status");
    if (status !== "queued" && status !== "processing") return String(status);
  }
  return `not done after ${JOB_TIMEOUT_MS} ms`;
}

/** Starts the consumer, its tail and who drives it, in a fresh process. `stop` ends it. */
export async function startAlone(prepared: Prepared): Promise<Alone> {
  const service = await simulate(driven(prepared), { stateDir: prepared.stateDir });
  const url = await service.urlOf(DRIVER);
  const post = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, { method: "POST", ...init });
    if (!response.ok) throw new Error(`${path} answered ${response.status}\n${service.complaints()}`);
    return response.text();
  };
  return {
    pid: service.workerdPid,
    async run(conversionId) {
      await post(`/job?id=${conversionId}`);
      const status = await ended(service, conversionId);
      if (status !== "succeeded") throw new Error(`${conversionId} is ${status}\n${service.complaints()}`);
    },
    prepare: (picture, mime, { width, height }) =>
      post(`/upload?width=${width}&height=${height}`, {
        headers: { "Content-Type": mime },
        body: new Uint8Array(picture),
      }),
    stop: () => service.stop(),
  };
}
