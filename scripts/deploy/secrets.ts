/**
 * The Workers' secrets. A Worker must have them before it first serves, and Cloudflare keeps none for a Worker that
 * isn't there: they go out with its first deployment, in the file of `wrangler deploy --secrets-file`.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { newSecret, ROOT, type Variables } from "../stack-env.ts";
import { type CloudflareApi, CloudflareError } from "./cloudflare-api.ts";
import type { WorkerRole } from "./workers.ts";

/** Which Worker reads which: a secret goes to no other. */
export const SECRETS: Readonly<Record<WorkerRole, readonly string[]>> = {
  api: ["JWT_SECRET", "JWT_SECRET_PREVIOUS", "JWT_SECRET_NEXT", "METRICS_TOKEN", "SMS_API_KEY", "SENTRY_DSN"],
  hasher: ["PASSWORD_PEPPER", "SENTRY_DSN"],
  consumer: ["GEMINI_API_KEY", "AI_GATEWAY_TOKEN", "SENTRY_DSN"],
  tail: ["TELEGRAM_BOT_TOKEN", "LOKI_AUTHORIZATION", "OTLP_HEADERS", "SENTRY_DSN"],
};

export const ALL_SECRETS: ReadonlySet<string> = new Set(Object.values(SECRETS).flat());

/** Cloudflare's codes for a Worker that isn't there. */
const NO_SUCH_WORKER = new Set([10_007, 10_090]);

export interface NamedWorker {
  readonly role: WorkerRole;
  /** As it is called on the account. */
  readonly name: string;
}

/** Those of the given variables that are secrets of a Worker. */
export function secretsAmong(role: WorkerRole, given: NodeJS.ProcessEnv): Variables {
  const set = SECRETS[role].flatMap((name) => (given[name] ? [[name, given[name]] as const] : []));
  return Object.fromEntries(set);
}

/** Names of the secrets that a Worker has; null when there is no such Worker. */
export async function secretNames(api: CloudflareApi, worker: string): Promise<ReadonlySet<string> | null> {
  try {
    const secrets = await api.call(`/workers/scripts/${worker}/secrets`, z.array(z.object({ name: z.string() })));
    return new Set(secrets.map(({ name }) => name));
  } catch (error) {
    if (error instanceof CloudflareError && error.codes.some((code) => NO_SUCH_WORKER.has(code))) return null;
    throw error;
  }
}

/**
 * What to hand over with a deployment: of the given what the Worker lacks, or all of it with `overwrite`; and a new
 * JWT_SECRET for an api that has none, for without one it answers nothing, and with another nobody stays signed in.
 */
export async function secretsToSet(
  api: CloudflareApi,
  { role, name }: NamedWorker,
  given: Variables,
  { overwrite = false }: { readonly overwrite?: boolean } = {},
): Promise<Variables> {
  const present = (await secretNames(api, name)) ?? new Set<string>();
  const mayBeSet = (secret: string) => !present.has(secret) || (overwrite && secret !== "JWT_SECRET");
  const chosen = Object.entries(secretsAmong(role, given)).filter(([secret]) => mayBeSet(secret));
  const needsSecret = role === "api" && !present.has("JWT_SECRET") && !given.JWT_SECRET;
  return { ...(needsSecret ? { JWT_SECRET: newSecret() } : {}), ...Object.fromEntries(chosen) };
}

/** Does it, too, when a signal ends this process, unless somebody else takes care of that. Answers how to forget it. */
function onEndBySignal(cleanUp: () => void): () => void {
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).filter((it) => process.listenerCount(it) === 0);
  const end = (signal: NodeJS.Signals) => {
    cleanUp();
    for (const it of signals) process.off(it, end);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}

/** Runs with wrangler's arguments for these secrets: none, or a file that only its owner can read, for as long. */
export async function withSecretsFile<T>(secrets: Variables, run: (args: readonly string[]) => Promise<T>): Promise<T> {
  if (Object.keys(secrets).length === 0) return run([]);
  const folder = await mkdtemp(join(tmpdir(), "ai-styler-secrets-"));
  const file = join(folder, "secrets.json");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = onEndBySignal(remove);
  try {
    await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
    return await run(["--secrets-file", file]);
  } finally {
    remove();
    forget();
  }
}

/** What METRICS_TOKEN is made of when the set-up makes one. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Where the set-up leaves what can't be stored yet; never under version control. */
export const SECRETS_FOLDER = join(ROOT, ".wrangler/secrets");

/** Secrets that the set-up left for a Worker's first deployment. */
export class PendingSecrets {
  readonly #folder: string;

  constructor(folder: string = SECRETS_FOLDER) {
    this.#folder = folder;
  }

  fileOf(worker: string): string {
    return join(this.#folder, `${worker}.json`);
  }

  async read(worker: string): Promise<Variables> {
    const text = await readFile(this.fileOf(worker), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "{}";
      throw error;
    });
    return z.record(z.string(), z.string()).parse(JSON.parse(text));
  }

  async write(worker: string, secrets: Variables): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(this.fileOf(worker), `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  }

  /** Once they have been handed over. */
  async drop(worker: string): Promise<void> {
    await rm(this.fileOf(worker), { force: true });
  }
}
