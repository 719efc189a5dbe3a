/**
 * Workers as they are deployed, in workerd, with miniflare's simulators of D1, R2 and queues beside them. Requests go
 * to each Worker's own socket: past miniflare's entry Worker, and without Node in their way.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { ROOT } from "../scripts/stack-env.ts";
import { type Bundle, moduleFiles, temporaryFolder, WORKERD } from "./workerd.ts";

const KEPT_COMPLAINTS = 20;

/**
 * What is run in workerd's place. Its log goes into a pipe that is drained, for miniflare would parse every line of it
 * beside the load; and it is killed when our end of the leash closes, whatever ended us.
 */
const LAUNCHER = `#!/bin/sh
cat <"$BENCH_FOLDER/log" >/dev/null 2>&1 3>&- &
workerd=$$
echo "$workerd" >"$BENCH_FOLDER/pid"
(read -r _ <"$BENCH_FOLDER/leash"; kill -9 "$workerd") >/dev/null 2>&1 3>&- &
exec "$BENCH_WORKERD" "$@" >"$BENCH_FOLDER/log"
`;

export interface Simulated {
  urlOf(worker: string): Promise<string>;
  /** Where the inspector of a Worker's isolate listens; there is one only where it was asked for. */
  inspectorOf(worker: string): Promise<string>;
  /** What a Worker's binding `DB` is bound to. */
  databaseOf(worker: string): ReturnType<Miniflare["getD1Database"]>;
  /** What its binding `BUCKET` is bound to. */
  bucketOf(worker: string): ReturnType<Miniflare["getR2Bucket"]>;
  /** The process that runs all of the Workers. */
  readonly workerdPid: number;
  /** What workerd said last on its error stream. */
  complaints(): string;
  stop(): Promise<void>;
}

export type WorkerOptions = Omit<V4WorkerOptions, "modules" | "script" | "scriptPath" | "modulesRules"> & {
  readonly name: string;
};

/**
 * A Worker's bindings, Durable Objects, queues and tails as its wrangler.toml has them. Without its assets, for whose
 * sake miniflare puts two Workers of its own before it, and Workers AI, which is nowhere but in an account.
 */
export function optionsOf(config: string, name: string): WorkerOptions {
  // It would tell of variables that are none of its business here: all are set by who calls.
  process.env.WRANGLER_LOG = "none";
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, config));
  const { modulesRules: _rules, assets: _assets, ai: _ai, bindings: _variables, ...options } = workerOptions;
  return { ...options, name };
}

function withModules(options: WorkerOptions, built: Bundle): V4WorkerOptions {
  const modules = moduleFiles(built).map((file) => ({
    type: file.endsWith(".wasm") ? ("CompiledWasm" as const) : ("ESModule" as const),
    path: join(built.folder, file),
  }));
  const { folder, compatibilityDate } = built;
  const unsafeDirectSockets = [{ host: "127.0.0.1", port: 0 }];
  return { ...options, compatibilityDate, modules, modulesRoot: folder, rootPath: folder, unsafeDirectSockets };
}

function prepareLauncher() {
  const folder = temporaryFolder();
  const launcher = join(folder, "workerd");
  writeFileSync(launcher, LAUNCHER);
  chmodSync(launcher, 0o700);
  const leash = join(folder, "leash");
  const made = spawnSync("mkfifo", [join(folder, "log"), leash]);
  if (made.status !== 0) throw new Error("mkfifo made no pipes");
  // Opened for both, it needs nobody at the other end yet.
  const held = openSync(leash, "r+");
  const environment = { BENCH_FOLDER: folder, BENCH_WORKERD: WORKERD, MINIFLARE_WORKERD_PATH: launcher };
  return { environment, release: () => closeSync(held) };
}

/** Starts the Workers. `stateDir` is where wrangler keeps the state of local resources. */
export async function simulate(
  workers: readonly { readonly options: WorkerOptions; readonly bundle: Bundle }[],
  { stateDir, inspect = false }: { readonly stateDir: string; readonly inspect?: boolean },
): Promise<Simulated> {
  const complaints: string[] = [];
  const { environment, release } = prepareLauncher();
  Object.assign(process.env, environment);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      // Made up by a request over the network otherwise.
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: join(stateDir, "v3"),
      ...(inspect ? { inspectorPort: 0 } : {}),
      handleStructuredLogs: ({ message }) => {
        if (complaints.push(message) > KEPT_COMPLAINTS) complaints.shift();
      },
      workers: workers.map(({ options, bundle }) => withModules(options, bundle)),
    }),
  );
  await miniflare.ready;
  return {
    urlOf: async (worker) => (await miniflare.unsafeGetDirectURL(worker)).origin,
    inspectorOf: async (worker) => new URL(`/core:user:${worker}`, await miniflare.getInspectorURL()).href,
    databaseOf: (worker) => miniflare.getD1Database("DB", worker),
    bucketOf: (worker) => miniflare.getR2Bucket("BUCKET", worker),
    workerdPid: Number(readFileSync(join(environment.BENCH_FOLDER, "pid"), "utf8")),
    complaints: () => complaints.join("\n"),
    async stop() {
      await miniflare.dispose();
      release();
    },
  };
}
