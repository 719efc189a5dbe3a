/** The Workers as the account has them, and who of their versions gets which share. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { ROOT } from "../../stack-env.ts";
import { type CloudflareApi, CloudflareError } from "../cloudflare-api.ts";
import { readConfig } from "../target-config.ts";
import { WORKERS, type WorkerRole } from "../workers.ts";
import { type Deployment, type History, type Split, soleVersion } from "./history.ts";

export interface WorkerState {
  readonly role: WorkerRole;
  readonly name: string;
  readonly config: string;
  /** Empty for a Worker that isn't there. */
  readonly history: History;
  /** Of its Durable Objects' classes: the last that is applied, and the last of its configuration. */
  readonly migrationTag: string | null;
  readonly wantedTag: string | null;
  /** By which client, such as `wrangler`, `dash` or `api`. */
  readonly lastDeployedFrom: string | null;
}

const NO_SUCH_WORKER = new Set([10_007, 10_090]);
const ATTEMPTS = 4;

const script = z.object({ migration_tag: z.string().nullish(), last_deployed_from: z.string().nullish() });
const service = z.object({ default_environment: z.object({ script }) });
const deployments = z.object({
  deployments: z.array(
    z.object({
      created_on: z.coerce.date(),
      annotations: z.record(z.string(), z.string()).nullish(),
      versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })),
    }),
  ),
});
const configured = z.looseObject({ migrations: z.array(z.looseObject({ tag: z.string() })).default([]) });

/** Null for a Worker that isn't there. */
async function unlessMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CloudflareError && error.codes.some((code) => NO_SUCH_WORKER.has(code))) return null;
    throw error;
  }
}

/** Newest first, as far back as Cloudflare lists them, which is ten. */
export async function readHistory(api: CloudflareApi, worker: string): Promise<History> {
  const path = `/workers/scripts/${worker}/deployments`;
  const listed = await unlessMissing(api.call(path, deployments));
  const history = (listed?.deployments ?? []).map(({ created_on, annotations, versions }): Deployment => {
    return { createdAt: created_on, message: annotations?.["workers/message"] ?? "", versions };
  });
  return history.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** The four Workers, in the order in which they are deployed. */
export async function readWorkers(api: CloudflareApi): Promise<WorkerState[]> {
  return Promise.all(
    WORKERS.map(async ({ role, name, config }) => {
      const [known, history, raw] = await Promise.all([
        unlessMissing(api.call(`/workers/services/${name}`, service)),
        readHistory(api, name),
        readConfig(join(ROOT, config)),
      ]);
      const told = known?.default_environment.script;
      const wantedTag = configured.parse(raw).migrations.at(-1)?.tag ?? null;
      const migrationTag = told?.migration_tag ?? null;
      return {
        role,
        name,
        config,
        history,
        migrationTag,
        wantedTag,
        lastDeployedFrom: told?.last_deployed_from ?? null,
      };
    }),
  );
}

const sameSplit = (a: readonly Split[], b: readonly Split[]) =>
  a.length === b.length &&
  a.every((x) => b.some((y) => y.version_id === x.version_id && y.percentage === x.percentage));

export interface SplitOptions {
  readonly message: string;
  /** Before the second attempt; twice as long before each further one. */
  readonly pauseMs: number;
  /** Looks at what is in force before it is changed; when it throws, nothing is. */
  readonly check?: (current: Deployment | undefined) => void;
}

/**
 * Deploys versions of a Worker by their shares; nothing when they have them. A call that failed may have been carried
 * out, so it is looked up before it is made again. Answers since when they have them, by Cloudflare's clock.
 * @throws {CloudflareError} after several attempts.
 */
export async function setSplit(
  api: CloudflareApi,
  worker: string,
  versions: readonly Split[],
  { message, pauseMs, check }: SplitOptions,
): Promise<Date> {
  const path = `/workers/scripts/${worker}/deployments`;
  for (let attempt = 1; ; attempt++) {
    try {
      const [current] = await readHistory(api, worker);
      if (current !== undefined && sameSplit(current.versions, versions)) return current.createdAt;
      check?.(current);
      const body = { strategy: "percentage", versions, annotations: { "workers/message": message } };
      return (await api.call(path, z.object({ created_on: z.coerce.date() }), { method: "POST", body })).created_on;
    } catch (error) {
      const isOfCloudflare = error instanceof CloudflareError && (error.status === null || error.status >= 500);
      const mayPass = isOfCloudflare || error instanceof z.ZodError;
      if (!mayPass || attempt === ATTEMPTS) throw error;
      await sleep(pauseMs * 2 ** (attempt - 1));
    }
  }
}

/** The version that has all traffic; null for a Worker that isn't there, or is split. */
export function currentVersion({ history }: WorkerState): string | null {
  return soleVersion(history[0]);
}
