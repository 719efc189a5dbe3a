/** A fake account, production before it, and a release's tools: what tests of releases run in. */
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../stack-env.ts";
import { createFakeAnalytics, type FakeAnalytics } from "../fake/analytics-routes.ts";
import { FAKE_ACCOUNT, FAKE_TOKEN, type FakeCloudflare, startFakeCloudflare } from "../fake/fake-cloudflare.ts";
import { type FakeProduction, startFakeProduction } from "../fake/fake-production.ts";
import { resourceRoutes } from "../fake/resource-routes.ts";
import {
  activeDeployment,
  addBucket,
  addDatabase,
  addQueue,
  createFakeAccount,
  type FakeAccount,
  type FakeScript,
} from "../fake/state.ts";
import { workerRoutes } from "../fake/worker-routes.ts";
import { QUEUE_ROLES } from "../names.ts";
import { readConfig } from "../target-config.ts";
import { WORKERS } from "../workers.ts";
import { createQuickWrangler } from "./fake-wrangler.ts";
import { type ReleaseOptions, release } from "./release.ts";
import { REAL_TOOLS, type ReleaseTools } from "./run.ts";

const configured = z.looseObject({ d1_databases: z.array(z.looseObject({ database_id: z.string() })) });

/** The one that the configurations name, whether it was set up or not: wrangler looks for it. */
async function databaseIdOf(): Promise<string> {
  const [database] = configured.parse(await readConfig(join(ROOT, "wrangler.toml"))).d1_databases;
  if (database === undefined) throw new Error("wrangler.toml names no database");
  return database.database_id;
}

export interface Surroundings {
  readonly account: FakeAccount;
  readonly cloudflare: FakeCloudflare;
  readonly analytics: FakeAnalytics;
  readonly production: FakeProduction;
  readonly said: string[];
  readonly options: ReleaseOptions;
  readonly tools: ReleaseTools;
  stop(): Promise<void>;
}

/** With the resources that the set-up makes, and no Worker yet. */
export async function startSurroundings(): Promise<Surroundings> {
  const account = createFakeAccount();
  const databaseId = await databaseIdOf();
  addDatabase(account, "ai-styler", databaseId);
  addBucket(account, "ai-styler");
  for (const role of QUEUE_ROLES) addQueue(account, `ai-styler-${role}`);
  const analytics = createFakeAnalytics(account);
  const routes = [...workerRoutes(account), ...resourceRoutes(account), ...analytics.account];
  const cloudflare = await startFakeCloudflare(routes, analytics.global);
  const production = await startFakeProduction(account);
  const said: string[] = [];
  const access = { accountId: FAKE_ACCOUNT, token: FAKE_TOKEN, baseUrl: cloudflare.baseUrl };
  const env = { PRODUCTION_URL: production.url, RELEASE_STEP: "30ms", RELEASE_STEP_MAX: "90ms", RELEASE_POLL: "10ms" };
  return {
    account,
    cloudflare,
    analytics,
    production,
    said,
    options: { access, dryRun: false, say: (line) => void said.push(line), env },
    tools: {
      ...REAL_TOOLS,
      wrangler: createQuickWrangler(account),
      secrets: { read: async () => ({}), drop: async () => {} },
      pauseMs: 1,
      stopRequested: () => new Promise(() => {}),
      commit: async () => "c0ffee".repeat(6),
      checkout: async () => ({ databaseId }),
    },
    async stop() {
      await cloudflare.stop();
      await production.stop();
    },
  };
}

/** Deploys the four for the first time; answers their versions. */
export async function released({ account, options, said, tools }: Surroundings): Promise<(string | null)[]> {
  await release(options, tools);
  said.length = 0;
  return soleVersions(account);
}

export const isNew = (id: string, old: readonly (string | null)[]) => !old.includes(id);

export function scriptOf(account: FakeAccount, name: string): FakeScript {
  const script = account.scripts.get(name);
  if (script === undefined) throw new Error(`no Worker ${name}`);
  return script;
}

/** The version that each of the four has alone; null where two share the traffic. */
export function soleVersions(account: FakeAccount): (string | null)[] {
  return WORKERS.map(({ name }) => {
    const versions = activeDeployment(scriptOf(account, name))?.versions ?? [];
    return versions.length === 1 ? (versions[0]?.version_id ?? null) : null;
  });
}

/** Shares of a Worker's newest version in its deployments, oldest first. */
export function sharesOfNewest(account: FakeAccount, name: string): number[] {
  const { versions, deployments } = scriptOf(account, name);
  const newest = versions.at(-1)?.id;
  return deployments.map((it) => it.versions.find(({ version_id }) => version_id === newest)?.percentage ?? 0);
}
