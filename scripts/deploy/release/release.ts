/** A release of production: to a tenth, to half, to all of the traffic, and back by itself when something is wrong. */
import { type CloudflareAccess, CloudflareApi } from "../cloudflare-api.ts";
import { carryOut, describePlan, type Say, type Step } from "../plan.ts";
import { WORKERS } from "../workers.ts";
import { currentVersion, readHistory, readWorkers, setSplit, type WorkerState } from "./account.ts";
import {
  commitOf,
  type Deployment,
  isAlone,
  isSplit,
  isTakenBack,
  mostMsOf,
  releaseName,
  releaseOf,
  soleVersion,
  takenBackMessage,
  versionBefore,
} from "./history.ts";
import { type Moving, moving, REAL_TOOLS, type ReleaseTools, type Run, summarize } from "./run.ts";
import { type ReleaseSettings, settingsFrom } from "./settings.ts";
import { releaseSteps, restoreCommand } from "./steps.ts";
import { type BackTo, rollbackCommand, takeBack } from "./take-back.ts";

export interface ReleaseOptions {
  /** Null only in dry runs. */
  readonly access: CloudflareAccess | null;
  /** Shows what would be done; with an account, for how that one is now. */
  readonly dryRun: boolean;
  readonly say: Say;
  readonly env: NodeJS.ProcessEnv;
}

const NO_ACCESS: CloudflareAccess = { accountId: "none", token: "none" };
/** What a step may take beyond the longest watching, before its release counts as dead. */
const GRACE_MS = 5 * 60_000;

/** As a plan without an account takes them to be: there, and without new Durable Objects. */
function assumed(): Moving[] {
  return WORKERS.map((worker) => ({
    ...worker,
    old: "<old>",
    alone: null,
    isStrict: true,
    fresh: null,
    isTouched: false,
  }));
}

function newest(workers: readonly WorkerState[], wanted: (deployment: Deployment) => boolean): Deployment | undefined {
  const found = workers.flatMap(({ history }) => history.slice(0, 1)).filter(wanted);
  return found.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime())[0];
}

/** Where each Worker goes that is split, or has a version of the release; the last deployed first. */
function backFrom(workers: readonly WorkerState[], release: string | null): BackTo[] {
  return workers.toReversed().flatMap(({ name, history }) => {
    const [current] = history;
    const isOfRelease = release !== null && releaseOf(current) === release && !isTakenBack(current);
    if (isAlone(current) || !(isOfRelease || isSplit(current))) return [];
    const version = versionBefore(history, releaseOf(current));
    return version === null ? [] : [{ name, version }];
  });
}

/** @throws {Error} while another release may be alive. */
function refuseWhileUnderWay(split: Deployment | undefined, settings: ReleaseSettings): void {
  if (split === undefined) return;
  const ageMs = Date.now() - split.createdAt.getTime();
  if (ageMs > (mostMsOf(split) ?? settings.stepMaxMs) + GRACE_MS) return;
  const name = releaseOf(split) ?? "somebody";
  throw new Error(
    `two versions share the traffic since ${split.createdAt.toISOString()}: ${name} is under way. ` +
      "Wait for it to end; if it is dead, `npm run deploy -- --rollback` takes it back.",
  );
}

function backSteps(api: CloudflareApi, back: readonly BackTo[], release: string, pauseMs: number): Step[] {
  return back.map(({ name, version }) => ({
    what: `take ${name} back to ${version}`,
    how: [`POST /workers/scripts/${name}/deployments: ${version} 100 %`],
    async run() {
      const options = { message: takenBackMessage(release), pauseMs };
      await setSplit(api, name, [{ version_id: version, percentage: 100 }], options);
      return undefined;
    },
  }));
}

/** Of a Worker that can't go back; nothing when wrangler failed before it deployed it. */
async function stays(api: CloudflareApi, { name, old, fresh, alone }: Moving): Promise<string[]> {
  const current =
    fresh ??
    (await readHistory(api, name)
      .then(([now]) => soleVersion(now))
      .catch(() => "a new version"));
  if (current === old) return [];
  const why = old === null ? "there is no version before it" : "Cloudflare has no way back across these";
  return [`${name} stays on ${current} (${alone}): ${why}; only another release can mend it`];
}

async function takeAllBack(run: Run, reason: string): Promise<string> {
  const { api, say, tools, release, workers, bookmark } = run;
  const touched = workers.filter(({ isTouched }) => isTouched).toReversed();
  const reversible = touched.flatMap(({ name, old: version, alone }) =>
    alone === null && version !== null ? [{ name, version }] : [],
  );
  const check = (current: Deployment | undefined) => {
    if (releaseOf(current) !== release) throw new Error("somebody deployed another version meanwhile");
  };
  const { lines, isWhole } = await takeBack(api, reversible, { release, say, pauseMs: tools.pauseMs, check });
  const alone = touched.filter((worker) => worker.alone !== null);
  const staying = (await Promise.all(alone.map((worker) => stays(api, worker)))).flat();
  const done = isWhole && staying.length === 0 ? "It was taken back" : "It was NOT taken back as a whole";
  const data = "Data and the database's migrations are as they are now; to restore what was before";
  return [
    `**Release ${release} failed.** ${lines.length + staying.length === 0 ? "No traffic was moved" : done}.`,
    reason,
    ...[...lines, ...staying].map((line) => `- ${line}`),
    ...(bookmark === null ? [] : [`${data}: ${restoreCommand(bookmark)}`]),
  ].join("\n");
}

async function carryOutOrTakeBack(run: Run, steps: readonly Step[]): Promise<void> {
  const { say, release, workers } = run;
  try {
    await carryOut(steps, say);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say(`FAILED: ${reason}`);
    const text = await takeAllBack(run, reason);
    await summarize(run, text);
    throw new Error(text, { cause: error });
  }
  const versions = workers.map(({ name, fresh }) => `- ${name}: ${fresh}`);
  const text = [`**Release ${release} has all traffic.**`, ...versions].join("\n");
  say(text);
  await summarize(run, text);
}

function oldVersion(state: WorkerState, back: readonly BackTo[]): string | null {
  return back.find(({ name }) => name === state.name)?.version ?? currentVersion(state);
}

/** Aborts once somebody wants this process to end. */
function abortedByStop({ stopRequested }: ReleaseTools): AbortSignal {
  const controller = new AbortController();
  void stopRequested().then((by) => controller.abort(new Error(`the release was stopped (${by})`)));
  return controller.signal;
}

/**
 * Releases this checkout. When something is wrong, each Worker goes back to its version before.
 * @throws {Error} that tells why, and what was taken back.
 */
export async function release(options: ReleaseOptions, tools: ReleaseTools = REAL_TOOLS): Promise<void> {
  const { access, dryRun, say, env } = options;
  if (access === null && !dryRun)
    throw new Error("a release needs an account: CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN");
  const settings = settingsFrom(env, dryRun);
  const api = new CloudflareApi(access ?? NO_ACCESS, { pauseMs: tools.pauseMs });
  const states = access === null ? null : await readWorkers(api);
  const split = newest(states ?? [], isSplit);
  if (!dryRun) refuseWhileUnderWay(split, settings);
  const stale = releaseOf(split);
  const back = split === undefined ? [] : backFrom(states ?? [], stale);
  const commit = await tools.commit();
  const run: Run = {
    access: access ?? NO_ACCESS,
    api,
    settings,
    tools,
    say,
    env,
    commit,
    signal: dryRun ? new AbortController().signal : abortedByStop(tools),
    release: releaseName(commit, new Date()),
    deployed: commitOf(states?.at(-1)?.history ?? []),
    workers: states?.map((state) => moving(state, oldVersion(state, back))) ?? assumed(),
    databaseId: "",
    movedAt: new Date(),
    bookmark: null,
  };
  if (back.length > 0) say(`${stale ?? "Somebody"} left two versions in traffic: that is taken back first.`);
  const steps = [...backSteps(api, back, stale ?? run.release, tools.pauseMs), ...releaseSteps(run)];
  if (!dryRun) return carryOutOrTakeBack(run, steps);
  if (access === null) say("Without an account: as if all Workers were there, and no Durable Object class were new.");
  say(describePlan(steps));
}

/** Takes the last release back, whether it is done, half done or dead. */
export async function rollback(options: ReleaseOptions, tools: ReleaseTools = REAL_TOOLS): Promise<void> {
  const { access, dryRun, say } = options;
  if (access === null) throw new Error("a rollback needs an account: CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN");
  const api = new CloudflareApi(access, { pauseMs: tools.pauseMs });
  const states = await readWorkers(api);
  const last = newest(states, isSplit) ?? newest(states, (it) => releaseOf(it) !== null);
  const name = releaseOf(last);
  const back = backFrom(states, name);
  if (back.length === 0) {
    const why = isTakenBack(last) ? `${name} was taken back already` : "no Worker's last deployment is a release's";
    throw new Error(`nothing to take back: ${why}. For another version: ${rollbackCommand("<Worker>", "<version>")}`);
  }
  const left = states.filter((state) => !back.some((it) => it.name === state.name)).map((state) => state.name);
  if (left.length > 0) say(`Left as they are, for there is no way back or nothing to take back: ${left.join(", ")}`);
  if (dryRun) return say(describePlan(backSteps(api, back, name ?? "nobody", tools.pauseMs)));
  const { isWhole } = await takeBack(api, back, { release: name ?? "nobody", say, pauseMs: tools.pauseMs });
  if (!isWhole) throw new Error("not all Workers could be taken back: see above");
  say("Data is as it is: a rollback of Workers changes none.");
}
