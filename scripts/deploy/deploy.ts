/** `npm run deploy`: production, a branch's preview, or the end of one. docs/deploy.md tells how. */
import { parseArgs } from "node:util";
import { refuseOptionsKeptByNpm } from "../npm-options.ts";
import { accessFrom, type CloudflareAccess } from "./cloudflare-api.ts";
import { factsFrom, type PreviewState, postComment, previewComment, pullRequestFrom } from "./comment.ts";
import { PRODUCTION_BRANCH } from "./names.ts";
import { describePlan, type Say } from "./plan.ts";
import { deployPreview, namesOfBranch, previewPlan } from "./preview.ts";
import { deletePreview, deletionPlan, openBranches, sweepPreviews } from "./preview-delete.ts";
import { release, rollback } from "./release/release.ts";

const USAGE = `Usage: npm run deploy -- [options]

  (no option)              release what is checked out to production
  --rollback               take the last release back
  --branch <name>          make the preview of a branch, or bring it up to date; main is production
  --branch <name> --delete delete the preview of a branch, with all its data
  --sweep                  delete the previews of branches that are gone from git's origin
  --keep <file>            with --sweep: the branches that are open, one a line; - reads them from the standard input
  --comment <number>       with --branch: tell of it in a comment of that pull request (GITHUB_TOKEN, GITHUB_REPOSITORY)
  --dry-run                show every resource, command and call, and change nothing; needs no account
  --help                   show this

CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN name the account; PREVIEW_<NAME> sets <NAME> in previews.
`;

/** A dry run calls nobody. */
const NO_ACCESS: CloudflareAccess = { accountId: "<account>", token: "" };

export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Command {
  readonly kind: "release" | "rollback" | "preview" | "delete" | "sweep" | "help";
  readonly branch: string;
  readonly keep: string | undefined;
  readonly pull: number | null;
  readonly dryRun: boolean;
}

const OPTIONS = {
  branch: { type: "string" },
  delete: { type: "boolean", default: false },
  sweep: { type: "boolean", default: false },
  rollback: { type: "boolean", default: false },
  keep: { type: "string" },
  comment: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function pullOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  if (/^[1-9]\d{0,9}$/.test(given)) return Number(given);
  throw new UsageError(`--comment wants the number of a pull request, not "${given}"`);
}

/** @throws {UsageError} telling what can't be meant. */
export function parseCommand(args: readonly string[]): Command {
  const {
    branch,
    keep,
    sweep,
    rollback: isRollback,
    delete: isDeletion,
    "dry-run": dryRun,
    help,
    comment,
  } = valuesOf(args);
  const isProduction = branch === undefined || branch === PRODUCTION_BRANCH;
  const common = { branch: branch ?? PRODUCTION_BRANCH, keep, pull: pullOf(comment), dryRun };
  if (help) return { ...common, kind: "help" };
  if (branch === "") throw new UsageError("--branch wants the name of a branch");
  // The sweep knows branches by their short names.
  if (branch?.startsWith("refs/")) throw new UsageError("--branch wants the branch's name without refs/heads/");
  if (keep !== undefined && !sweep) throw new UsageError("--keep goes with --sweep");
  if (Number(sweep) + Number(isRollback) + Number(branch !== undefined || isDeletion) > 1) {
    throw new UsageError("--sweep, --rollback and --branch go without each other");
  }
  if (common.pull !== null && isProduction) throw new UsageError("--comment goes with the --branch of a preview");
  if (isDeletion && isProduction) throw new UsageError("--delete wants the --branch of a preview: production stays");
  if (sweep) return { ...common, kind: "sweep" };
  if (isRollback) return { ...common, kind: "rollback" };
  if (isProduction) return { ...common, kind: "release" };
  return { ...common, kind: isDeletion ? "delete" : "preview" };
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly say: Say;
  /** Asks a preview's address. */
  readonly fetch?: typeof fetch | undefined;
  readonly smokeTimeoutMs?: number | undefined;
}

function hasAccount(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.CLOUDFLARE_ACCOUNT_ID && env.CLOUDFLARE_API_TOKEN);
}

/** The comment is for people: without it, what was done is done all the same. */
async function tell(state: PreviewState, { branch, pull }: Command, { env, say }: Surroundings): Promise<void> {
  if (pull === null) return;
  const onlyIfThere = state.kind === "deleted";
  try {
    await postComment(pullRequestFrom(env, pull), previewComment(state, factsFrom(env, branch)), { onlyIfThere });
  } catch (error) {
    say(`the comment could not be written: ${error instanceof Error ? error.message : error}`);
  }
}

async function preview(command: Command, surroundings: Surroundings): Promise<void> {
  const { env, say, fetch, smokeTimeoutMs } = surroundings;
  const { branch } = command;
  if (command.dryRun) {
    const plan = await previewPlan({ branch, access: NO_ACCESS, env });
    return say(`The preview of ${branch}:\n${describePlan(plan)}`);
  }
  if (command.pull !== null) pullRequestFrom(env, command.pull);
  try {
    const address = await deployPreview({ branch, access: accessFrom(env), env, fetch, smokeTimeoutMs }, say);
    await tell({ kind: "ready", address }, command, surroundings);
    say(`\n${address}/api`);
  } catch (error) {
    await tell({ kind: "failed" }, command, surroundings);
    throw error;
  }
}

async function remove(command: Command, surroundings: Surroundings): Promise<void> {
  const { env, say } = surroundings;
  const { slug } = namesOfBranch(command.branch);
  if (command.dryRun) {
    return say(`The end of the preview of ${command.branch}:\n${describePlan(deletionPlan(NO_ACCESS, slug))}`);
  }
  await deletePreview(accessFrom(env), slug, say);
  await tell({ kind: "deleted" }, command, surroundings);
}

async function sweep({ dryRun, keep }: Command, { env, say }: Surroundings): Promise<void> {
  if (dryRun) {
    say("GET /r2/buckets, /d1/database and /queues: the previews that are there, by ai-styler-preview-<slug>");
    say(keep === undefined ? "git ls-remote --heads origin" : `read the open branches from ${keep}`);
    say(`Then, for each preview without a branch:\n${describePlan(deletionPlan(NO_ACCESS, "<slug>"))}`);
    // Where there is an account, it is told which these would be.
    if (!hasAccount(env)) return;
  }
  await sweepPreviews({ access: accessFrom(env), branches: () => openBranches(keep), dryRun }, say);
}

/** Does what the arguments say. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { env, say } = surroundings;
  refuseOptionsKeptByNpm(env, Object.keys(OPTIONS));
  const command = parseCommand(args);
  if (command.kind === "help") return say(USAGE);
  if (command.kind === "preview") return preview(command, surroundings);
  if (command.kind === "delete") return remove(command, surroundings);
  if (command.kind === "sweep") return sweep(command, surroundings);
  const { dryRun } = command;
  if (command.kind === "rollback") return rollback({ access: accessFrom(env), dryRun, say, env });
  await release({ access: dryRun && !hasAccount(env) ? null : accessFrom(env), dryRun, say, env });
}

if (import.meta.main) {
  try {
    await run(process.argv.slice(2), { env: process.env, say: (line) => process.stdout.write(`${line}\n`) });
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : error}\n`);
    if (error instanceof UsageError) process.stderr.write(`\n${USAGE}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
