/** Wrangler's configurations of a preview: the four real ones with every name in them changed to the preview's. */
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { ROOT, type Variables } from "../stack-env.ts";
import { type Names, PRODUCTION, QUEUE_ROLES } from "./names.ts";
import { WORKERS, type WorkerRole } from "./workers.ts";

/** As it is written, before wrangler fills in what isn't. */
export type RawConfig = Readonly<Record<string, unknown>>;
const rawConfig = z.record(z.string(), z.unknown());
const databases = z.array(z.looseObject({ binding: z.string(), database_id: z.string().optional() })).optional();

export interface Target {
  readonly names: Names & { readonly slug: string };
  readonly databaseId: string;
  /** Set beside, or in place of, production's. */
  readonly vars: Variables;
}

/** What may be copied. Anything else may hold an id that would be shared with production, so it has to be looked at. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  "name",
  "main",
  "compatibility_date",
  "compatibility_flags",
  "minify",
  "alias",
  "define",
  "rules",
  "upload_source_maps",
  "workers_dev",
  "preview_urls",
  "tail_consumers",
  "build",
  "vars",
  "limits",
  "observability",
  "assets",
  "images",
  "ai",
  "version_metadata",
  "d1_databases",
  "r2_buckets",
  "queues",
  "services",
  "triggers",
  "durable_objects",
  "migrations",
  "analytics_engine_datasets",
]);
/** Production's addresses, and its account, which wrangler would prefer to the one that it is told. */
const DROPPED_KEYS: ReadonlySet<string> = new Set(["route", "routes", "account_id"]);
const OWN_NAME = /^ai[-_]styler/;

/** As wrangler reads it, whatever it is written in. */
export async function readConfig(file: string): Promise<RawConfig> {
  // It takes most of a second to load, which a dry run needs, but `--help` doesn't.
  const { experimental_readRawConfig } = await import("wrangler");
  return rawConfig.parse(experimental_readRawConfig({ config: file }).rawConfig);
}

function renames({ workers, queues, dataset, database }: Names): ReadonlyMap<string, string> {
  return new Map([
    ...WORKERS.map(({ role, name }) => [name, workers[role]] as const),
    ...QUEUE_ROLES.map((role) => [PRODUCTION.queues[role], queues[role]] as const),
    [PRODUCTION.dataset, dataset],
    // The database and the bucket have one name, here as in production.
    [PRODUCTION.database, database],
  ]);
}

/** Every string that is a name of production's, however deep. */
function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") {
    const own = names.get(value);
    if (own === undefined && OWN_NAME.test(value))
      throw new Error(`"${value}" is in no list of scripts/deploy/names.ts`);
    return own ?? value;
  }
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renamed(item, names)]));
}

/**
 * A Worker's configuration for a preview. Only the api gets an address.
 * @throws {Error} for what would, or might, be shared with production.
 */
export function targetConfig(config: RawConfig, role: WorkerRole, target: Target): RawConfig {
  const { vars, ...rest } = config;
  const kept = Object.entries(rest).filter(([key]) => !DROPPED_KEYS.has(key));
  const unknown = kept.map(([key]) => key).filter((key) => !KNOWN_KEYS.has(key));
  if (unknown.length > 0) {
    throw new Error(`previews don't know ${unknown.join(", ")}: add to scripts/deploy/target-config.ts what it needs`);
  }
  const copied = rawConfig.parse(renamed(Object.fromEntries(kept), renames(target.names)));
  const bound = databases.parse(copied.d1_databases)?.map((it) => ({ ...it, database_id: target.databaseId }));
  return {
    ...copied,
    ...(bound === undefined ? {} : { d1_databases: bound }),
    workers_dev: role === "api",
    preview_urls: false,
    vars: { ...rawConfig.default({}).parse(vars), ...target.vars, ENVIRONMENT: "preview" },
  };
}

const made = z.looseObject({
  workers_dev: z.boolean(),
  assets: z.looseObject({ directory: z.string() }).optional(),
  triggers: z.object({ crons: z.array(z.string()) }).optional(),
  queues: z.looseObject({ consumers: z.array(z.looseObject({ queue: z.string() })).default([]) }).optional(),
  migrations: z.array(z.looseObject({ new_sqlite_classes: z.array(z.string()).default([]) })).default([]),
});

/** What `wrangler deploy` makes on the account beside the Worker itself, to be read. */
export function madeWith(config: RawConfig): string[] {
  const { workers_dev, assets, triggers, queues, migrations } = made.parse(config);
  const classes = migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes);
  return [
    ...(workers_dev ? ["its address"] : []),
    ...(assets === undefined ? [] : [`assets of ${assets.directory}/`]),
    ...(classes.length === 0 ? [] : [`Durable Objects ${classes.join(", ")}`]),
    ...(triggers?.crons ?? []).map((cron) => `cron ${cron}`),
    ...(queues?.consumers ?? []).map(({ queue }) => `consumer of ${queue}`),
  ];
}

/** Beside the real one, so that its paths lead where they did; relative to the root. Git ignores it. */
export function targetConfigPath(role: WorkerRole, slug: string): string {
  const { config } = WORKERS.find((worker) => worker.role === role) ?? WORKERS[0];
  return join(dirname(config), `wrangler.${slug}.generated.json`);
}

/** Writes the four configurations. */
export async function writeTargetConfigs(target: Target): Promise<void> {
  for (const { role, config } of WORKERS) {
    const text = JSON.stringify(targetConfig(await readConfig(join(ROOT, config)), role, target), null, 2);
    await writeFile(join(ROOT, targetConfigPath(role, target.names.slug)), `${text}\n`);
  }
}

/** Removes them again. */
export async function removeTargetConfigs(slug: string): Promise<void> {
  for (const { role } of WORKERS) await rm(join(ROOT, targetConfigPath(role, slug)), { force: true });
}
