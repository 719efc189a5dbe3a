/** What a release does, one step after the other. */
import { z } from "zod";
import type { Variables } from "../../stack-env.ts";
import type { Step } from "../plan.ts";
import { secretsAmong, secretsToSet, withSecretsFile } from "../secrets.ts";
import { readHistory, setSplit } from "./account.ts";
import {
  aloneMessage,
  type Deployment,
  isTakenBack,
  messageOf,
  releaseOf,
  shareMessage,
  soleVersion,
} from "./history.ts";
import { measure, type VersionPair } from "./measure.ts";
import type { Moving, Run } from "./run.ts";
import { type Asked, probe, smoke } from "./smoke.ts";
import { watch } from "./watch.ts";

const DATABASE = "ai-styler";
/** Beside the old versions' rest. */
const SHARES = [10, 50] as const;

const minutes = (ms: number) => (ms < 60_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`);

/** How to get the database back to where it was. */
export function restoreCommand(bookmark: string): string {
  return `npx wrangler d1 time-travel restore ${DATABASE} --bookmark=${bookmark}`;
}

/** A command of wrangler, to be read. */
function shown(args: readonly string[]): string {
  return ["wrangler", ...args.map((arg) => (arg.includes(" ") ? `"${arg}"` : arg))].join(" ");
}

function checkoutStep(run: Run): Step {
  return {
    what: "check that this checkout can be released",
    how: [
      "git merge-base --is-ancestor <deployed> HEAD",
      "git status --porcelain",
      "node scripts/check-migrations.ts",
      "database ids and the api's address in the wrangler.toml files",
    ],
    async run() {
      run.databaseId = (await run.tools.checkout(run.deployed)).databaseId;
      return `commit ${run.commit}, database ${run.databaseId}`;
    },
  };
}

function bookmarkStep(run: Run): Step {
  return {
    what: "note where the database is",
    how: ["GET /d1/database/{id}/time_travel/bookmark"],
    async run() {
      const path = `/d1/database/${run.databaseId}/time_travel/bookmark`;
      run.bookmark = (await run.api.call(path, z.object({ bookmark: z.string() }))).bookmark;
      return `to restore it, which loses all that is written from now on: ${restoreCommand(run.bookmark)}`;
    },
  };
}

function migrationsStep(run: Run): Step {
  const args = ["d1", "migrations", "apply", DATABASE, "--remote", "--config", "wrangler.toml"];
  return {
    what: "apply the migrations; they only add, so the old versions go on",
    how: [shown(args)],
    async run() {
      await run.tools.wrangler(run.access, args);
      return undefined;
    },
  };
}

function versionOf(entries: readonly Readonly<Record<string, unknown>>[], type: string, stdout: string): string {
  const id = entries.find((entry) => entry.type === type)?.version_id;
  if (typeof id === "string") return id;
  // With --strict, wrangler stops rather than overwriting what somebody changed by hand, and calls that no error.
  throw new Error(`wrangler uploaded nothing:\n${stdout.trim()}`);
}

/** A Worker must have its secrets before it first answers, so they go out with its first deployment. */
async function firstSecrets({ api, tools, env }: Run, worker: Moving): Promise<Variables> {
  if (worker.old !== null) return {};
  return secretsToSet(api, worker, { ...(await tools.secrets.read(worker.name)), ...secretsAmong(worker.role, env) });
}

function uploadArgs({ commit }: Run, { config, isStrict }: Moving, message: string): string[] {
  const strict = isStrict ? ["--strict"] : [];
  return ["--config", config, "--tag", commit.slice(0, 12), "--message", message, ...strict];
}

function aloneStep(run: Run, worker: Moving): Step {
  const { name, alone } = worker;
  const args = ["deploy", ...uploadArgs(run, worker, aloneMessage(run.release))];
  return {
    what: `deploy ${name} to all traffic at once: ${alone}`,
    how: [shown(args)],
    async run() {
      const secrets = await firstSecrets(run, worker);
      worker.isTouched = true;
      const { entries, stdout } = await withSecretsFile(secrets, (file) =>
        run.tools.wrangler(run.access, [...args, ...file]),
      );
      worker.fresh = versionOf(entries, "deploy", stdout);
      await run.tools.secrets.drop(name);
      return `version ${worker.fresh}; it can't be taken back`;
    },
  };
}

function uploadStep(run: Run, worker: Moving): Step {
  const { name } = worker;
  const args = ["versions", "upload", ...uploadArgs(run, worker, `release ${run.release}`)];
  return {
    what: `upload a version of ${name}`,
    how: [shown(args)],
    async run() {
      const waiting = Object.keys(await run.tools.secrets.read(name));
      if (waiting.length > 0)
        run.say(
          `      ${name} has no use of the ${waiting.join(", ")} that wait here: npm run setup:cloudflare sets them`,
        );
      const { entries, stdout } = await run.tools.wrangler(run.access, args);
      worker.fresh = versionOf(entries, "version-upload", stdout);
      return `version ${worker.fresh}`;
    },
  };
}

function freshOf({ name, fresh }: Moving): string {
  if (fresh === null) throw new Error(`${name} has no new version`);
  return fresh;
}

/**
 * A release at another place, a rollback, or a secret that somebody set meanwhile, must not be undone unseen. Before its
 * first share a Worker is as it was found; from then on it must be as this release left it.
 */
function refuseForeign(
  { release }: Run,
  { name, old }: Moving,
  current: Deployment | undefined,
  isFirst = false,
): void {
  if (isFirst && soleVersion(current) === old) return;
  const isOwn = releaseOf(current) === release;
  if (isOwn && !isTakenBack(current)) return;
  if (isOwn) throw new Error(`somebody took ${name} back while this release was under way`);
  const who = releaseOf(current) ?? "somebody";
  throw new Error(`${who} deployed another version of ${name} while this release was under way: release again`);
}

function shareStep(run: Run, workers: readonly Moving[], share: number): Step {
  const call = (name: string) => `POST /workers/scripts/${name}/deployments: new ${share} %, old ${100 - share} %`;
  return {
    what: `give the new versions ${share} % of the traffic`,
    how: workers.map(({ name }) => call(name)),
    async run() {
      for (const worker of workers) {
        run.signal.throwIfAborted();
        const fresh = { version_id: freshOf(worker), percentage: share };
        const old = worker.old === null ? [] : [{ version_id: worker.old, percentage: 100 - share }];
        run.movedAt = await setSplit(run.api, worker.name, [fresh, ...old], {
          message: shareMessage(run.release, share, run.settings.stepMaxMs),
          pauseMs: run.tools.pauseMs,
          check(current) {
            refuseForeign(run, worker, current, share === 0);
            worker.isTouched = true;
          },
        });
      }
      return undefined;
    },
  };
}

/** By wrangler, which also brings those settings that belong to no version: observability and tail consumers. */
function wholeStep(run: Run, workers: readonly Moving[]): Step {
  const message = messageOf(run.release, "100 %");
  const argsOf = (config: string, version: string) => [
    "versions",
    "deploy",
    `${version}@100%`,
    "--config",
    config,
    "--message",
    message,
    "--yes",
  ];
  return {
    what: "give the new versions all traffic",
    how: workers.map(({ config }) => shown(argsOf(config, "<new>"))),
    async run() {
      for (const worker of workers) {
        run.signal.throwIfAborted();
        refuseForeign(run, worker, (await readHistory(run.api, worker.name))[0]);
        await run.tools.wrangler(run.access, argsOf(worker.config, freshOf(worker)));
      }
      return undefined;
    },
  };
}

function asked(run: Run, api: Moving): Asked {
  const { settings, signal, tools } = run;
  const isNewAddress = api.old === null;
  return {
    productionUrl: settings.productionUrl,
    versionId: freshOf(api),
    signal,
    pauseMs: tools.pauseMs,
    isNewAddress,
  };
}

function smokeStep(run: Run, api: Moving, what: string): Step {
  const paths = ["/api/health", "/api/status", "/api/users/me", "/api/docs/openapi.json"];
  return {
    what,
    how: paths.map((path) => `GET ${run.settings.productionUrl}${path}, asking for the new version by header`),
    async run() {
      await smoke(asked(run, api));
      return undefined;
    },
  };
}

function watchStep(run: Run, share: number): Step {
  const { settings, workers } = run;
  const { stepMs, stepMaxMs, pollMs } = settings;
  return {
    what: `watch ${share} % for ${minutes(stepMs)}, or up to ${minutes(stepMaxMs)} while there is too little traffic to tell`,
    how: [
      `every ${minutes(pollMs)}: GET ${settings.productionUrl}/api/health and /api/status of the new version`,
      "POST /analytics_engine/sql: 5xx and p95 by version; POST /graphql: failed invocations by version",
    ],
    async run() {
      const api = workers.at(-1);
      if (api === undefined) return undefined;
      const pairs = workers.map(
        (it): VersionPair => ({ worker: it.name, fresh: freshOf(it), old: it.alone === null ? it.old : null }),
      );
      return watch({
        stepMs,
        stepMaxMs,
        pollMs,
        signal: run.signal,
        say: run.say,
        measure: () => measure(run.api, run.access, run.movedAt, pairs),
        probe: () => probe(asked(run, api)),
      });
    },
  };
}

function triggersStep(run: Run, workers: readonly Moving[]): Step {
  const argsOf = (config: string) => ["triggers", "deploy", "--config", config];
  return {
    what: "bring crons and queue consumers up to date",
    how: workers.map(({ config }) => shown(argsOf(config))),
    async run() {
      for (const { config } of workers) await run.tools.wrangler(run.access, argsOf(config));
      return undefined;
    },
  };
}

/** Everything, in order; each step ends early when the release was asked to stop. */
export function releaseSteps(run: Run): Step[] {
  const { workers } = run;
  const gradual = workers.filter(({ alone }) => alone === null);
  const api = workers.at(-1);
  if (api === undefined) throw new Error("there is no Worker to release");
  const uploads = workers.map((worker) => (worker.alone === null ? uploadStep(run, worker) : aloneStep(run, worker)));
  const first = smokeStep(run, api, "ask the api's new version at production's address");
  const spreading = [
    shareStep(run, gradual, 0),
    first,
    ...SHARES.flatMap((share) => [shareStep(run, gradual, share), watchStep(run, share)]),
    wholeStep(run, gradual),
    smokeStep(run, api, "ask production once more"),
    triggersStep(run, gradual),
  ];
  const steps = [
    checkoutStep(run),
    bookmarkStep(run),
    migrationsStep(run),
    ...uploads,
    ...(gradual.length > 0 ? spreading : [first]),
  ];
  return steps.map((step) => ({
    ...step,
    run() {
      run.signal.throwIfAborted();
      return step.run();
    },
  }));
}
