/** The service with one finished conversion in it, and the least that could have answered it: what row 1 loads. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient, type Conversion, newPhone } from "../scripts/api-client.ts";
import { newSecret, ROOT, wranglerEnvironment } from "../scripts/stack-env.ts";
import { optionsOf, type Simulated, simulate, type WorkerOptions } from "./simulators.ts";
import { bundle, temporaryFolder, WRANGLER } from "./workerd.ts";

const CONFIGS = {
  "ai-styler-api": "wrangler.toml",
  "ai-styler-consumer": "src/workers/consumer/wrangler.toml",
  "ai-styler-hasher": "src/workers/hasher/wrangler.toml",
  "ai-styler-tail": "src/workers/tail/wrangler.toml",
} as const;
const UNOBSERVED = { name: "bench-api-unobserved", config: "bench/workers/api-unobserved/wrangler.toml" };
const BARE = { name: "bench-bare", config: "bench/workers/bare/wrangler.toml" };
const SAMPLE = join(ROOT, "samples/person-astronaut.png");
const CONVERSION_TIMEOUT_MS = 30_000;
/** What Cloudflare tells a Worker of who asks. */
const FROM = { "CF-Connecting-IP": "203.0.113.7" };

/** Something to be asked for, again and again. */
export interface Target {
  readonly url: string;
  readonly path: string;
  /** The conversion that is answered. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Reading {
  readonly api: Target;
  readonly unobserved: Target;
  readonly bare: Target;
  /** How often the api's conversion was read already. */
  readonly readsBefore: number;
  /** The api's metrics as they are now. */
  metrics(): Promise<string>;
  readonly workers: Simulated;
}

/** Development, for its inbox of one-time codes; the log is written as in production. */
function variables(): Record<string, string> {
  return {
    ENVIRONMENT: "development",
    JWT_SECRET: newSecret(),
    LOG_FORMAT: "json",
    LOG_LEVEL: "info",
    ACCESS_TOKEN_TTL: "2h",
    SIGNED_URL_TTL: "2h",
  };
}

/** The api's bindings, with Durable Objects of its own and nobody who watches it. */
function unobservedOptions(api: WorkerOptions): WorkerOptions {
  return { ...api, name: UNOBSERVED.name, tails: [], queueConsumers: {}, cronTriggers: [] };
}

function bareOptions(): WorkerOptions {
  return {
    name: BARE.name,
    d1Databases: { DB: { id: "bench-bare" } },
    durableObjects: { SESSION: { className: "Session", useSQLite: true } },
  };
}

function migrate(stateDir: string): void {
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", stateDir, "-c", "wrangler.toml"];
  const env = wranglerEnvironment(temporaryFolder(), {});
  const result = spawnSync(process.execPath, ["--no-warnings", WRANGLER, ...args], {
    cwd: ROOT,
    encoding: "utf8",
    env,
  });
  if (result.status !== 0) throw new Error(`the migrations failed\n${result.stdout}\n${result.stderr}`);
}

async function start(options: { readonly minify: boolean; readonly inspect: boolean }): Promise<Simulated> {
  const { minify, inspect } = options;
  // The simulator of D1 commits a bookmark with every read, which would make the disk a part of each.
  const stateDir = temporaryFolder({ inMemory: true });
  migrate(stateDir);
  const bindings = variables();
  const service = Object.entries(CONFIGS).map(([name, config]) => ({
    options: { ...optionsOf(config, name), bindings },
    bundle: bundle(config, { minify }),
  }));
  const [api] = service;
  if (api === undefined) throw new Error("there is no api");
  const others = [
    { options: unobservedOptions(api.options), bundle: bundle(UNOBSERVED.config, { minify }) },
    { options: bareOptions(), bundle: bundle(BARE.config, { minify }) },
  ];
  return simulate([...service, ...others], { stateDir, inspect });
}

/** A user who has one finished conversion. */
async function seed(url: string): Promise<{ target: Target; reads: number; conversion: Conversion }> {
  const client = new ApiClient(url, null, FROM);
  const { accessToken } = await client.signUp(newPhone());
  const { id: personImageId } = await client.upload(SAMPLE, "person");
  const { id } = await client.convert({ kind: "style", personImageId, stylePreset: "watercolor" });
  const deadline = Date.now() + CONVERSION_TIMEOUT_MS;
  for (let reads = 1; Date.now() < deadline; reads++) {
    const conversion = await client.conversion(id);
    if (conversion.status === "succeeded") {
      const target = {
        url,
        id,
        path: `/api/conversions/${id}`,
        headers: { ...FROM, Authorization: `Bearer ${accessToken}` },
      };
      return { target, reads, conversion };
    }
    await sleep(200);
  }
  throw new Error(`conversion ${id} did not succeed in time`);
}

/** Builds, starts and seeds. `stop` of its workers ends it. */
export async function startReading(options: { readonly minify: boolean; readonly inspect: boolean }): Promise<Reading> {
  const workers = await start(options);
  try {
    const url = await workers.urlOf("ai-styler-api");
    const { target: api, reads: readsBefore, conversion } = await seed(url);
    const { target: unobserved } = await seed(await workers.urlOf(UNOBSERVED.name));
    const bare = { ...api, url: await workers.urlOf(BARE.name), path: `/${api.id}` };
    // The same answer as the api's, so that those who ask have the same to do.
    const stored = await fetch(bare.url + bare.path, { method: "PUT", body: JSON.stringify(conversion) });
    if (!stored.ok) throw new Error(`the bare Worker answered ${stored.status}`);
    const metrics = async () => (await fetch(`${url}/api/metrics`)).text();
    return { api, unobserved, bare, readsBefore, metrics, workers };
  } catch (error) {
    const complaints = workers.complaints();
    await workers.stop();
    throw new Error(`the service could not be prepared\n${complaints}`, { cause: error });
  }
}
