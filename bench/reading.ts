/** The service with one finished conversion in it, and the least that could have answered it: what row 1 loads. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient, type Conversion, newPhone } from "../scripts/api-client.ts";
import { ROOT } from "../scripts/stack-env.ts";
import { API, FROM, startService } from "./service.ts";
import type { Simulated, WorkerOptions } from "./simulators.ts";

const UNOBSERVED = { name: "bench-api-unobserved", config: "bench/workers/api-unobserved/wrangler.toml" };
const BARE = { name: "bench-bare", config: "bench/workers/bare/wrangler.toml" };
const SAMPLE = join(ROOT, "samples/person-astronaut.png");
const CONVERSION_TIMEOUT_MS = 30_000;

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
  const workers = await startService({
    ...options,
    beside: (api) => [
      { options: unobservedOptions(api), config: UNOBSERVED.config },
      { options: bareOptions(), config: BARE.config },
    ],
  });
  try {
    const url = await workers.urlOf(API);
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
