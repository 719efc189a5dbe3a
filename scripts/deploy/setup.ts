/** `npm run setup:cloudflare`: what production needs before its first release. May be run again at any time. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { refuseOptionsKeptByNpm } from "../npm-options.ts";
import { ROOT, type Variables } from "../stack-env.ts";
import { accessFrom, CloudflareApi } from "./cloudflare-api.ts";
import { PRODUCTION } from "./names.ts";
import { carryOut, describePlan, type Say, type Step } from "./plan.ts";
import { ensureBucket, ensureDatabase, ensureQueue, told } from "./resources.ts";
import {
  type NamedWorker,
  newToken,
  PendingSecrets,
  SECRETS,
  secretNames,
  secretsAmong,
  secretsToSet,
} from "./secrets.ts";
import { WORKERS } from "./workers.ts";

const USAGE = `Usage: npm run setup:cloudflare -- [--dry-run]

Makes production's D1 database, R2 bucket and queues, writes the database's id into the wrangler.toml files, and sets
the secrets that are missing: JWT_SECRET and METRICS_TOKEN are made, the others are taken from the environment where it
has them. What is there stays as it is.

CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN name the account.
`;

const ZERO_ID = "00000000-0000-0000-0000-000000000000";
const DATABASE_ID = /^(database_id\s*=\s*")([^"]*)(")/gm;
const CONFIGS = ["wrangler.toml", "src/workers/consumer/wrangler.toml"];

export interface SetupOptions {
  readonly api: CloudflareApi;
  readonly env: NodeJS.ProcessEnv;
  /** Whose wrangler.toml files are written. */
  readonly root?: string;
  readonly pending?: PendingSecrets;
}

/**
 * The configuration with the database's id in place of the zeros; all else, comments included, stays as it is.
 * @throws {Error} when it names another database already.
 */
export function withDatabaseId(toml: string, id: string, file: string): string {
  const ids = [...toml.matchAll(DATABASE_ID)].map((match) => match[2] ?? "");
  if (ids.length === 0) throw new Error(`${file} has no line that begins with database_id`);
  const other = ids.find((it) => it !== ZERO_ID && it !== id);
  if (other !== undefined) {
    const { database } = PRODUCTION;
    throw new Error(
      `${file} names the database ${other}, but ${database} of this account is ${id}: is it the right one?`,
    );
  }
  return toml.replace(DATABASE_ID, `$1${id}$3`);
}

function resourceSteps(api: CloudflareApi, found: { databaseId: string }): Step[] {
  const { bucket, database, queues } = PRODUCTION;
  return [
    {
      what: `make the D1 database ${database}`,
      how: [`GET /d1/database?name=${database}`, `POST /d1/database {"name":"${database}"} unless it is there`],
      async run() {
        const ensured = await ensureDatabase(api, database);
        found.databaseId = ensured.id;
        return `${told(ensured)}: ${ensured.id}`;
      },
    },
    {
      what: `make the R2 bucket ${bucket}`,
      how: [`GET /r2/buckets/${bucket}`, `POST /r2/buckets {"name":"${bucket}"} unless it is there`],
      run: async () => told(await ensureBucket(api, bucket)),
    },
    ...Object.values(queues).map((queue) => ({
      what: `make the queue ${queue}`,
      how: [`GET /queues?name=${queue}`, `POST /queues {"queue_name":"${queue}"} unless it is there`],
      run: async () => told(await ensureQueue(api, queue)),
    })),
  ];
}

function configStep(root: string, found: { readonly databaseId: string }): Step {
  return {
    what: "write the database's id into the configurations",
    how: CONFIGS.map((file) => `replace the zeros of database_id in ${file}`),
    async run() {
      const changed: string[] = [];
      for (const file of CONFIGS) {
        const before = await readFile(join(root, file), "utf8");
        const after = withDatabaseId(before, found.databaseId, file);
        if (after === before) continue;
        await writeFile(join(root, file), after);
        changed.push(file);
      }
      return changed.length === 0 ? "was there" : `written: commit ${changed.join(" and ")}`;
    },
  };
}

/** Where METRICS_TOKEN waits for whoever sets Prometheus up: Cloudflare never tells a secret again. */
const TOKEN_FILE = "metrics-token";

/** Of a Worker that isn't deployed yet the secrets wait for its first release; others get them now. */
async function setSecrets(worker: NamedWorker, { api, env, pending = new PendingSecrets() }: SetupOptions) {
  const present = await secretNames(api, worker.name);
  const waiting = await pending.read(worker.name);
  const given: Variables = { ...waiting, ...secretsAmong(worker.role, env) };
  const needsToken = worker.role === "api" && !present?.has("METRICS_TOKEN") && !given.METRICS_TOKEN;
  const token = needsToken ? { METRICS_TOKEN: newToken() } : {};
  const wanted = await secretsToSet(api, worker, { ...given, ...token });
  const names = Object.keys(wanted);
  if (names.length === 0) {
    if (present !== null) await pending.drop(worker.name);
    return "nothing to set";
  }
  if (needsToken) await pending.write(TOKEN_FILE, token);
  const note = needsToken ? `; Prometheus needs the token in ${pending.fileOf(TOKEN_FILE)}` : "";
  if (present === null) {
    await pending.write(worker.name, wanted);
    return `${names.join(", ")} ${names.length === 1 ? "waits" : "wait"} in ${pending.fileOf(worker.name)} for the first release${note}`;
  }
  for (const [name, text] of Object.entries(wanted)) {
    const body = { name, text, type: "secret_text" };
    await api.call(`/workers/scripts/${worker.name}/secrets`, z.unknown(), { method: "PUT", body });
  }
  await pending.drop(worker.name);
  return `set ${names.join(", ")}${note}`;
}

function secretSteps(options: SetupOptions): Step[] {
  return WORKERS.map(({ role, name }) => ({
    what: `set the secrets of ${name} that are missing`,
    how: [
      `GET /workers/scripts/${name}/secrets`,
      ...(role === "api" ? ["make JWT_SECRET and METRICS_TOKEN"] : []),
      `from the environment: ${SECRETS[role].join(", ")}`,
      `PUT /workers/scripts/${name}/secrets, or keep them in .wrangler/secrets/ for its first release`,
    ],
    run: () => setSecrets({ role, name }, options),
  }));
}

export function setupPlan(options: SetupOptions): Step[] {
  const found = { databaseId: "" };
  const { api, root = ROOT } = options;
  return [...resourceSteps(api, found), configStep(root, found), ...secretSteps(options)];
}

export async function setUp(options: SetupOptions, say: Say): Promise<void> {
  await carryOut(setupPlan(options), say);
  say("\nNext: commit the configurations, give the api an address (docs/deploy.md), and release by `npm run deploy`.");
}

async function main(args: readonly string[], env: NodeJS.ProcessEnv, say: Say): Promise<void> {
  const options = {
    "dry-run": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  refuseOptionsKeptByNpm(env, Object.keys(options));
  const { values } = parseArgs({ args: [...args], options, strict: true });
  if (values.help) return say(USAGE);
  if (values["dry-run"])
    return say(describePlan(setupPlan({ api: new CloudflareApi({ accountId: "", token: "" }), env })));
  await setUp({ api: new CloudflareApi(accessFrom(env)), env }, say);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2), process.env, (line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : error}\n`);
    const isUsage = error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    if (isUsage) process.stderr.write(`\n${USAGE}`);
    process.exitCode = isUsage ? 2 : 1;
  }
}
