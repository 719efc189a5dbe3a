/** A branch's preview: made, or brought up to date. Every step may be repeated, so a run that failed is run again. */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CONFIG_VARIABLES } from "../../src/composition/config.ts";
import { ROOT, type Variables } from "../stack-env.ts";
import { type CloudflareAccess, CloudflareApi, CloudflareError } from "./cloudflare-api.ts";
import { type Names, PRODUCTION_BRANCH, previewNames, slugOf } from "./names.ts";
import { carryOut, type Say, type Step } from "./plan.ts";
import { waitUntilServed } from "./preview-smoke.ts";
import { ensureBucket, ensureDatabase, ensureQueue, told } from "./resources.ts";
import { ALL_SECRETS, secretsAmong, secretsToSet, withSecretsFile } from "./secrets.ts";
import {
  madeWith,
  readConfig,
  removeTargetConfigs,
  targetConfig,
  targetConfigPath,
  writeTargetConfigs,
} from "./target-config.ts";
import { WORKERS, type WorkerRole } from "./workers.ts";
import { wrangler } from "./wrangler.ts";

export interface PreviewOptions {
  readonly branch: string;
  /** Not looked at by a plan that is only shown. */
  readonly access: CloudflareAccess;
  readonly env: NodeJS.ProcessEnv;
  /** Asks the preview's address. */
  readonly fetch?: typeof fetch | undefined;
  readonly smokeTimeoutMs?: number | undefined;
  /** What tests put something else in the place of. */
  readonly wrangler?: typeof wrangler | undefined;
}

export type PreviewNames = Names & { readonly slug: string };

const VARIABLE_PREFIX = "PREVIEW_";

/** @throws {Error} for production's branch, which has no preview. */
export function namesOfBranch(branch: string): PreviewNames {
  if (branch === PRODUCTION_BRANCH) throw new Error(`${branch} is production, and has no preview`);
  const slug = slugOf(branch);
  return { ...previewNames(slug), slug };
}

/**
 * Variables of all previews, from `PREVIEW_<NAME>` of the environment; empty ones count as unset.
 * @throws {Error} naming those that the service doesn't read.
 */
export function previewVariables(env: NodeJS.ProcessEnv): Variables {
  const given = Object.entries(env).filter(([name, value]) => name.startsWith(VARIABLE_PREFIX) && value);
  const own = given.map(([name, value = ""]) => [name.slice(VARIABLE_PREFIX.length), value] as const);
  const known: ReadonlySet<string> = new Set(CONFIG_VARIABLES);
  const unknown = own.filter(([name]) => !known.has(name)).map(([name]) => `${VARIABLE_PREFIX}${name}`);
  if (unknown.length > 0) throw new Error(`${unknown.join(", ")}: the service reads no such variable (see README.md)`);
  const variables = Object.fromEntries(own);
  // Production's choice may need a key that a preview hasn't.
  const PROVIDERS = variables.GEMINI_API_KEY ? "gemini,local" : "local";
  return { PROVIDERS, ...variables };
}

/** What the steps find out for each other. */
interface Findings {
  address: string;
  databaseId: string;
  apiVersion: string | null;
}

function addressStep(api: CloudflareApi, names: PreviewNames, found: Findings): Step {
  const name = names.workers.api;
  return {
    what: "find out the preview's address",
    how: ["GET /workers/subdomain", `https://${name}.<the account's subdomain>.workers.dev`],
    async run() {
      const schema = z.object({ subdomain: z.string() });
      const { subdomain } = await api.call("/workers/subdomain", schema).catch((error: unknown) => {
        if (!(error instanceof CloudflareError) || error.status !== 404) throw error;
        const help = "open Workers & Pages in Cloudflare's dashboard once, which makes one";
        throw new Error(`The account has no subdomain of workers.dev: ${help}.`, { cause: error });
      });
      found.address = `https://${name}.${subdomain}.workers.dev`;
      return found.address;
    },
  };
}

function resourceSteps(api: CloudflareApi, { bucket, database, queues }: PreviewNames, found: Findings): Step[] {
  return [
    {
      what: `make the R2 bucket ${bucket}`,
      how: [`GET /r2/buckets/${bucket}`, `POST /r2/buckets {"name":"${bucket}"} unless it is there`],
      run: async () => told(await ensureBucket(api, bucket)),
    },
    {
      what: `make the D1 database ${database}`,
      how: [`GET /d1/database?name=${database}`, `POST /d1/database {"name":"${database}"} unless it is there`],
      async run() {
        const ensured = await ensureDatabase(api, database);
        found.databaseId = ensured.id;
        return `${told(ensured)}: ${ensured.id}`;
      },
    },
    ...Object.values(queues).map((queue) => ({
      what: `make the queue ${queue}`,
      how: [`GET /queues?name=${queue}`, `POST /queues {"queue_name":"${queue}"} unless it is there`],
      run: async () => told(await ensureQueue(api, queue)),
    })),
  ];
}

function isSecret(name: string): boolean {
  return ALL_SECRETS.has(name);
}

function configStep(names: PreviewNames, given: Variables, found: Findings): Step {
  const vars = Object.fromEntries(Object.entries(given).filter(([name]) => !isSecret(name)));
  const set = Object.entries({ ENVIRONMENT: "preview", ...vars }).map(([name, value]) => `${name}=${value}`);
  return {
    what: "write wrangler's configurations",
    how: [...WORKERS.map(({ role }) => `write ${targetConfigPath(role, names.slug)}`), `vars: ${set.join(", ")}`],
    async run() {
      await writeTargetConfigs({ names, databaseId: found.databaseId, vars });
      return undefined;
    },
  };
}

function migrationStep({ access, wrangler: runs = wrangler }: PreviewOptions, slug: string): Step {
  const args = ["d1", "migrations", "apply", "DB", "--remote", "-c", targetConfigPath("api", slug)];
  return {
    what: "apply the migrations",
    how: [`wrangler ${args.join(" ")}`],
    async run() {
      const { stdout } = await runs(access, args);
      return stdout.includes("No migrations to apply") ? "none were missing" : "applied";
    },
  };
}

/** What is made along with each Worker; only a plan to be shown knows. */
type Made = Partial<Readonly<Record<WorkerRole, readonly string[]>>>;

function deployStep(
  options: PreviewOptions,
  names: PreviewNames,
  role: WorkerRole,
  given: Variables,
  made: Made,
): Step {
  const { access, wrangler: runs = wrangler } = options;
  const name = names.workers[role];
  const secrets = Object.keys(secretsAmong(role, given)).filter((secret) => secret !== "JWT_SECRET");
  const ownSecret = role === "api" ? ["JWT_SECRET, unless it has one"] : [];
  const told = [...ownSecret, ...secrets].join(", ");
  const args = ["deploy", "-c", targetConfigPath(role, names.slug)];
  const command = `wrangler ${args.join(" ")}`;
  const ask = `GET /workers/scripts/${name}/secrets`;
  return {
    what: `deploy ${name}`,
    how: [
      ...(told === "" ? [command] : [ask, `${command} --secrets-file <${told}>`]),
      ...(made[role] ?? []).map((it) => `  with ${it}`),
    ],
    async run() {
      const wanted =
        told === "" ? {} : await secretsToSet(new CloudflareApi(access), { role, name }, given, { overwrite: true });
      const { entries } = await withSecretsFile(wanted, (more) => runs(access, [...args, ...more]));
      const version = entries.find(({ type }) => type === "deploy")?.version_id;
      return typeof version === "string" ? version : undefined;
    },
  };
}

function smokeStep(options: PreviewOptions, found: Findings): Step {
  return {
    what: "wait until it serves",
    how: [
      "GET <address>/api/health: 200, environment preview, X-Worker-Version the new one",
      "GET <address>/api/status: 200",
    ],
    run: () =>
      waitUntilServed(found.address, {
        version: found.apiVersion,
        fetch: options.fetch,
        timeoutMs: options.smokeTimeoutMs,
      }),
  };
}

function planWith(options: PreviewOptions, found: Findings, made: Made = {}): Step[] {
  const { access, env } = options;
  const names = namesOfBranch(options.branch);
  const given = previewVariables(env);
  const api = new CloudflareApi(access);
  const deployments = WORKERS.map(({ role }) => {
    const step = deployStep(options, names, role, given, made);
    if (role !== "api") return step;
    const run = async () => {
      const version = await step.run();
      found.apiVersion = version ?? null;
      return version;
    };
    return { ...step, run };
  });
  return [
    addressStep(api, names, found),
    ...resourceSteps(api, names, found),
    configStep(names, given, found),
    migrationStep(options, names.slug),
    ...deployments,
    smokeStep(options, found),
  ];
}

/**
 * What {@link deployPreview} does, to be shown.
 * @throws {Error} where it would for the branch, the variables or the configurations.
 */
export async function previewPlan(options: PreviewOptions): Promise<Step[]> {
  const target = { names: namesOfBranch(options.branch), databaseId: "", vars: {} };
  const made = WORKERS.map(async ({ role, config }) => {
    return [role, madeWith(targetConfig(await readConfig(join(ROOT, config)), role, target))] as const;
  });
  const found: Findings = { address: "", databaseId: "", apiVersion: null };
  return planWith(options, found, Object.fromEntries(await Promise.all(made)));
}

/** Makes a branch's preview, or brings it up to date; answers its address once it serves there. */
export async function deployPreview(options: PreviewOptions, say: Say): Promise<string> {
  const found: Findings = { address: "", databaseId: "", apiVersion: null };
  const { slug } = namesOfBranch(options.branch);
  try {
    await carryOut(planWith(options, found), say);
  } finally {
    await removeTargetConfigs(slug);
  }
  const { GITHUB_OUTPUT } = options.env;
  if (GITHUB_OUTPUT) await appendFile(GITHUB_OUTPUT, `address=${found.address}\n`);
  return found.address;
}
