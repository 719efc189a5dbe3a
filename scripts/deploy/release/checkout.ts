/** Whether what is checked out may be released. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { ROOT } from "../../stack-env.ts";
import { readConfig } from "../target-config.ts";
import { WORKERS } from "../workers.ts";

const PLACEHOLDER = "00000000-0000-0000-0000-000000000000";
const configured = z.looseObject({ d1_databases: z.array(z.looseObject({ database_id: z.string() })).default([]) });

/** @throws {Error} unless all Workers that bind a database bind one and the same that was set up. */
export function databaseIdOf(configs: readonly unknown[]): string {
  const ids = new Set(configs.flatMap((it) => configured.parse(it).d1_databases.map(({ database_id }) => database_id)));
  const [id, ...others] = ids;
  if (id === undefined || others.length > 0) {
    throw new Error(`the wrangler.toml files name ${ids.size} databases instead of one: ${[...ids].join(", ")}`);
  }
  if (id !== PLACEHOLDER) return id;
  throw new Error(
    "database_id is still the placeholder: run `npm run setup:cloudflare`, which makes the database, and commit the ids",
  );
}

const addressed = z.looseObject({
  workers_dev: z.boolean().optional(),
  route: z.unknown().optional(),
  routes: z.array(z.unknown()).default([]),
});

/** @throws {Error} for an api that nobody could reach: a release asks it at production's address. */
export function refuseWithoutAddress(api: unknown): void {
  const { workers_dev, route, routes } = addressed.parse(api);
  if (workers_dev === true || route !== undefined || routes.length > 0) return;
  throw new Error("wrangler.toml gives the api no address: set `routes`, or workers_dev = true (docs/deploy.md)");
}

async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const options = { cwd, maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)(command, args, options).catch((error: { stderr?: string }) => {
    throw new Error(`${[command, ...args].join(" ")} failed\n${error.stderr ?? ""}`, { cause: error });
  });
  return stdout.trim();
}

/** An old commit's tests may end after a new commit's release: it must not undo it. */
export async function refuseOlder(deployed: string, folder: string): Promise<void> {
  const isKnown = await run(folder, "git", "cat-file", "-e", `${deployed}^{commit}`).then(
    () => true,
    () => false,
  );
  if (!isKnown) return;
  await run(folder, "git", "merge-base", "--is-ancestor", deployed, "HEAD").catch((cause: unknown) => {
    const told = `production has ${deployed}, which this commit does not contain: release one that does, or take that back`;
    throw new Error(`${told} with \`npm run deploy -- --rollback\``, { cause });
  });
}

export async function refuseChanges(folder: string): Promise<void> {
  const changed = await run(folder, "git", "status", "--porcelain");
  if (changed !== "") throw new Error(`a release is made of a commit, and these files differ from it:\n${changed}`);
}

export async function headOf(folder: string = ROOT): Promise<string> {
  return run(folder, "git", "rev-parse", "HEAD");
}

/** See `ReleaseTools`. */
export async function checkout(deployed: string | null): Promise<{ databaseId: string }> {
  if (deployed !== null) await refuseOlder(deployed, ROOT);
  await refuseChanges(ROOT);
  await run(ROOT, process.execPath, join(ROOT, "scripts/check-migrations.ts"));
  const configs = await Promise.all(WORKERS.map(({ config }) => readConfig(join(ROOT, config))));
  const databaseId = databaseIdOf(configs);
  refuseWithoutAddress(configs.at(-1));
  return { databaseId };
}
