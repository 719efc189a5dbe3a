/** Wrangler against an account, for what it does better than a bare call: building, uploading, migrating. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../stack-env.ts";
import type { CloudflareAccess } from "./cloudflare-api.ts";

const CLI = join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js");
const TIMEOUT_MS = 5 * 60_000;

/** Wrangler failed; the message has what it printed. */
export class WranglerError extends Error {
  override readonly name = "WranglerError";
}

export interface WranglerResult {
  readonly stdout: string;
  /** What it wrote to `WRANGLER_OUTPUT_FILE_PATH`: one entry for each thing it did. */
  readonly entries: readonly Readonly<Record<string, unknown>>[];
}

/** Runs one command. It gets the account and nothing else of the environment that could change what it does. */
export async function wrangler(access: CloudflareAccess, args: readonly string[]): Promise<WranglerResult> {
  const folder = await mkdtemp(join(tmpdir(), "ai-styler-wrangler-"));
  const output = join(folder, "output.ndjson");
  const { accountId, token, baseUrl } = access;
  const env = {
    HOME: process.env.HOME,
    PATH: [join(ROOT, "node_modules/.bin"), process.env.PATH].join(delimiter),
    CI: "1",
    FORCE_COLOR: "0",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: join(folder, "logs"),
    WRANGLER_OUTPUT_FILE_PATH: output,
    CLOUDFLARE_ACCOUNT_ID: accountId,
    CLOUDFLARE_API_TOKEN: token,
    ...(baseUrl === undefined ? {} : { CLOUDFLARE_API_BASE_URL: baseUrl }),
  };
  try {
    const options = { cwd: ROOT, env, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 };
    const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", CLI, ...args], options);
    const written = await readFile(output, "utf8").catch(() => "");
    const entries = written.split("\n").filter((line) => line !== "");
    return { stdout, entries: entries.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>) };
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const told = `${stdout}${stderr}`.trim() || String(error);
    throw new WranglerError(`wrangler ${args.join(" ")}\n${told}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
