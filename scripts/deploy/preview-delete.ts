/** The end of previews: of one, and of all whose branch is gone. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { ROOT } from "../stack-env.ts";
import { type CloudflareAccess, CloudflareApi } from "./cloudflare-api.ts";
import { previewNames, previewsAmong, slugOf } from "./names.ts";
import type { Say, Step } from "./plan.ts";
import {
  deleteBucket,
  deleteDatabase,
  deleteQueue,
  deleteWorker,
  listResources,
  removeConsumers,
} from "./resources.ts";
import { WORKERS } from "./workers.ts";

function deletion(what: string, how: readonly string[], run: () => Promise<boolean>): Step {
  return { what: `delete ${what}`, how, run: async () => ((await run()) ? "deleted" : "was gone") };
}

/**
 * Each before what it uses. The bucket is made first and goes last, when all else is gone: as long as anything is left,
 * the sweep finds the preview by it.
 */
export function deletionPlan(access: CloudflareAccess, slug: string): Step[] {
  const api = new CloudflareApi(access);
  const { workers, queues, database, bucket } = previewNames(slug);
  const queueNames = Object.values(queues);
  const consumers = queueNames.map((queue) => ({
    what: `take the consumer off ${queue}`,
    how: [`GET /queues?name=${queue}`, "DELETE /queues/<id>/consumers/<id>"],
    run: async () => ((await removeConsumers(api, queue)) > 0 ? "taken off" : "had none"),
  }));
  return [
    ...consumers,
    ...WORKERS.map(({ role }) => workers[role])
      .reverse()
      .map((name) => deletion(name, [`DELETE /workers/scripts/${name}?force=true`], () => deleteWorker(api, name))),
    ...queueNames.map((name) =>
      deletion(name, [`GET /queues?name=${name}`, "DELETE /queues/<id>"], () => deleteQueue(api, name)),
    ),
    deletion(`the D1 database ${database}`, [`GET /d1/database?name=${database}`, "DELETE /d1/database/<id>"], () =>
      deleteDatabase(api, database),
    ),
    deletion(
      `the R2 bucket ${bucket} with all its objects`,
      [
        `GET /r2/buckets/${bucket}/objects, and DELETE them, a thousand at once, until there are none`,
        `DELETE /r2/buckets/${bucket} once all before is gone`,
      ],
      () => deleteBucket(api, bucket),
    ),
  ];
}

/**
 * Deletes all of a preview that is there.
 * @throws {Error} at the end, naming what could not be deleted.
 */
export async function deletePreview(access: CloudflareAccess, slug: string, say: Say): Promise<void> {
  const steps = deletionPlan(access, slug);
  const failures: string[] = [];
  for (const [index, { what, run }] of steps.entries()) {
    const isMark = index === steps.length - 1;
    say(`[${index + 1}/${steps.length}] ${what}`);
    if (isMark && failures.length > 0) {
      say("      kept, so that the rest is found again");
      continue;
    }
    try {
      say(`      ${await run()}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(`${what}: ${reason}`);
      say(`      failed: ${reason}`);
    }
  }
  if (failures.length === 0) return;
  throw new Error(`not all of the preview ${slug} could be deleted; try again:\n${failures.join("\n")}`);
}

/** One branch a line. */
function linesOf(given: string): string[] {
  return given
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** The branches that are open: from a file, from `-` for the standard input, or else those of git's `origin`. */
export async function openBranches(keep: string | undefined): Promise<string[]> {
  if (keep === "-") return linesOf(await text(process.stdin));
  if (keep !== undefined) return linesOf(await readFile(keep, "utf8"));
  const { stdout } = await promisify(execFile)("git", ["ls-remote", "--heads", "origin"], { cwd: ROOT });
  return linesOf(stdout).flatMap((line) => /\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? []);
}

export interface SweepOptions {
  readonly access: CloudflareAccess;
  readonly branches: () => Promise<readonly string[]>;
  readonly dryRun: boolean;
}

/**
 * Deletes the previews whose branch isn't open. The previews are listed before the branches are, so that a branch that
 * is new is in both.
 * @throws {Error} when there is no branch at all, which can't be; or naming what could not be deleted.
 */
export async function sweepPreviews({ access, branches, dryRun }: SweepOptions, say: Say): Promise<void> {
  const previews = previewsAmong(await listResources(new CloudflareApi(access), "ai-styler-preview-"));
  const open = await branches();
  if (open.length === 0) throw new Error("the list of open branches is empty: all previews would be deleted");
  const kept = new Set(open.map(slugOf));
  const doomed = previews.filter((slug) => !kept.has(slug));
  say(
    `${previews.length} previews, ${doomed.length} without a branch${doomed.length > 0 ? `: ${doomed.join(", ")}` : ""}`,
  );
  if (dryRun) return;
  const failures: string[] = [];
  for (const slug of doomed) {
    say(`\n${slug}`);
    await deletePreview(access, slug, say).catch((error: Error) => failures.push(error.message));
  }
  if (failures.length > 0) throw new Error(failures.join("\n"));
}
