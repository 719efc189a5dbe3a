/** The service's four Workers as they are deployed, on simulators, with users in it: what rows about the api load. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ApiClient, newPhone } from "../scripts/api-client.ts";
import { newSecret, ROOT, wranglerEnvironment } from "../scripts/stack-env.ts";
import { pngOf } from "../test/support/pictures.ts";
import type { Ask } from "./load.ts";
import { optionsOf, type Simulated, simulate, type WorkerOptions } from "./simulators.ts";
import { bundle, temporaryFolder, WRANGLER } from "./workerd.ts";

export const API = "ai-styler-api";
export const CONSUMER = "ai-styler-consumer";
/** {@link holding}. */
export const HOLDING = "bench-api-holding";
const CONFIGS = {
  [API]: "wrangler.toml",
  [CONSUMER]: "src/workers/consumer/wrangler.toml",
  "ai-styler-hasher": "src/workers/hasher/wrangler.toml",
  "ai-styler-tail": "src/workers/tail/wrangler.toml",
} as const;
/** What Cloudflare tells a Worker of who asks. */
export const FROM = { "CF-Connecting-IP": "203.0.113.7" };
/** A queue that nobody consumes: it takes messages and forgets them. */
export const NOBODYS_QUEUE = "bench-nobodys";

export interface ServiceOptions {
  readonly minify: boolean;
  readonly inspect: boolean;
  /** Beside those that every row has. */
  readonly variables?: Readonly<Record<string, string>>;
  /** A Worker's options where they are to differ from its wrangler.toml. */
  readonly change?: (options: WorkerOptions) => WorkerOptions;
  /** What is to be in the migrated state before anything starts. */
  readonly prepare?: (stateDir: string) => Promise<void>;
  /** Workers that run beside the service, by their wrangler.toml. */
  readonly beside?: (api: WorkerOptions) => readonly Beside[];
}

export interface Beside {
  readonly options: WorkerOptions;
  readonly config: string;
}

/** Development, for its inbox of one-time codes and its wide limits; the log is written as in production. */
const VARIABLES = {
  ENVIRONMENT: "development",
  LOG_FORMAT: "json",
  LOG_LEVEL: "info",
  ACCESS_TOKEN_TTL: "2h",
  SIGNED_URL_TTL: "2h",
  RATE_LIMIT_OTP_PER_IP: "100000",
};

export function migrate(stateDir: string): void {
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", stateDir, "-c", "wrangler.toml"];
  const env = wranglerEnvironment(temporaryFolder(), {});
  const result = spawnSync(process.execPath, ["--no-warnings", WRANGLER, ...args], {
    cwd: ROOT,
    encoding: "utf8",
    env,
  });
  if (result.status !== 0) throw new Error(`the migrations failed\n${result.stdout}\n${result.stderr}`);
}

/** Builds and starts. `stop` of what comes ends it. */
export async function startService(options: ServiceOptions): Promise<Simulated> {
  const { minify, inspect, change = (same) => same, beside = () => [] } = options;
  // The simulator of D1 commits a bookmark with every read, which would make the disk a part of each.
  const stateDir = temporaryFolder({ inMemory: true });
  migrate(stateDir);
  await options.prepare?.(stateDir);
  const bindings = { ...VARIABLES, JWT_SECRET: newSecret(), ...options.variables };
  const service = Object.entries(CONFIGS).map(([name, config]) => ({
    options: change({ ...optionsOf(config, name), bindings }),
    bundle: bundle(config, { minify }),
  }));
  const [api] = service;
  if (api === undefined) throw new Error("there is no api");
  const others = beside(api.options).map(({ options: their, config }) => ({
    options: their,
    bundle: config === CONFIGS[API] ? api.bundle : bundle(config, { minify }),
  }));
  return simulate([...service, ...others], { stateDir, inspect });
}

/**
 * The api once more, on the same database, buckets and Durable Objects. What is created there waits: its messages go
 * nowhere.
 */
export function holding(api: WorkerOptions): Beside {
  const objects = Object.entries(api.durableObjects as Record<string, { className: string; scriptName?: string }>);
  const shared = objects.map(([name, { className, scriptName = API }]) => [name, { className, scriptName }]);
  const producers = { ...(api.queueProducers as object), CONVERSION_QUEUE: { queueName: NOBODYS_QUEUE } };
  const options = { ...api, name: HOLDING, durableObjects: Object.fromEntries(shared), queueProducers: producers };
  return { options: { ...options, queueConsumers: {}, cronTriggers: [] }, config: CONFIGS[API] };
}

/** Somebody who is signed in and has a picture. */
export interface User {
  readonly id: string;
  readonly client: ApiClient;
  readonly imageId: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Signs users up, each with one small picture. */
export async function signUp(url: string, count: number): Promise<User[]> {
  const picture = join(temporaryFolder(), "person.png");
  writeFileSync(picture, pngOf(96, 128));
  const users: User[] = [];
  while (users.length < count) {
    const client = new ApiClient(url, null, FROM);
    const { accessToken, user } = await client.signUp(newPhone());
    const { id: imageId } = await client.upload(picture, "person");
    users.push({ id: user.id, client, imageId, headers: { ...FROM, Authorization: `Bearer ${accessToken}` } });
  }
  return users;
}

/** The request for a conversion of the user's picture. */
export function createAsk({ headers, imageId }: User): Ask {
  return {
    method: "POST",
    path: "/api/conversions",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ kind: "style", personImageId: imageId, stylePreset: "watercolor" }),
  };
}

/** The sum of a counter's series that have all these labels, from the text of `/api/metrics`. */
export function counted(exposition: string, name: string, labels: readonly string[]): number {
  const lines = exposition.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
