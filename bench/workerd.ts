/** Workers as they are deployed, in workerd as it comes: no dev proxy, no miniflare, no network. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT, wranglerEnvironment } from "../scripts/stack-env.ts";

export const WRANGLER = join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js");
export const WORKERD = join(ROOT, "node_modules/workerd/bin/workerd");
const MEMORY = "/dev/shm";
const START_TIMEOUT_MS = 15_000;
const KEPT_ERROR_LINES = 20;

/** workerd leads a process group with a watcher in it that kills the group when our end of pipe 3 closes. */
const LEASHED = '(read -r _ <&3; kill -9 0) >/dev/null 2>&1 & exec "$0" "$@" 3<&-';

export interface Bundle {
  readonly folder: string;
  readonly compatibilityDate: string;
}

export interface Worker {
  readonly name: string;
  readonly bundle: Bundle;
  /** Durable Objects with SQLite: binding to exported class. */
  readonly objects?: Readonly<Record<string, string>>;
  /** Further bindings, each as workerd's configuration language has it: `(name = "X", text = "…")`. */
  readonly bindings?: readonly string[];
}

export interface Served {
  readonly url: string;
  /** workerd's own. */
  readonly pid: number;
  /** What workerd said last on its error stream. */
  complaints(): string;
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
const folders = new Set<string>();

// Whatever ends the process, nothing of it stays.
process.on("exit", () => {
  for (const child of children) killGroup(child);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const [signal, code] of [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => process.exit(code));
}

/** Gone when the process ends. `inMemory`: where the machine has a place for that. */
export function temporaryFolder({ inMemory = false }: { readonly inMemory?: boolean } = {}): string {
  const parent = inMemory && existsSync(MEMORY) ? MEMORY : tmpdir();
  const folder = mkdtempSync(join(parent, "ai-styler-bench-"));
  folders.add(folder);
  return folder;
}

/** What `wrangler deploy` would upload for the Worker of a wrangler.toml, given by its path from the project's root. */
export function bundle(config: string, { minify = true }: { readonly minify?: boolean } = {}): Bundle {
  const folder = temporaryFolder();
  const args = [
    "--no-warnings",
    WRANGLER,
    "deploy",
    "--dry-run",
    `--minify=${minify}`,
    "--outdir",
    folder,
    "-c",
    config,
  ];
  const env = wranglerEnvironment(temporaryFolder(), {});
  const result = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", timeout: 120_000, env });
  if (result.status !== 0) throw new Error(`wrangler could not build ${config}\n${result.stdout}\n${result.stderr}`);
  const date = /^compatibility_date = "([\d-]+)"$/m.exec(readFileSync(join(ROOT, config), "utf8"))?.[1];
  if (date === undefined) throw new Error(`${config} names no compatibility_date`);
  return { folder, compatibilityDate: date };
}

/** JSON's strings are strings of workerd's configuration language, too. */
const text = (value: string) => JSON.stringify(value);

/** The files of a bundle; the one that is run comes first. */
export function moduleFiles({ folder }: Bundle): string[] {
  const files = readdirSync(folder).filter((file) => /\.(js|wasm)$/.test(file));
  return files.sort((a, b) => Number(b === "index.js") - Number(a === "index.js"));
}

function moduleText(folder: string, name: string): string {
  const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
  return `(name = ${text(name)}, ${kind} = embed ${text(join(folder, name))})`;
}

function workerText({ name, bundle: built, objects = {}, bindings = [] }: Worker): string {
  const { folder, compatibilityDate } = built;
  const namespaces = Object.values(objects).map(
    (className) => `(className = ${text(className)}, uniqueKey = ${text(`${name}-${className}`)}, enableSql = true)`,
  );
  const objectBindings = Object.entries(objects).map(
    ([binding, className]) => `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
  );
  return `(name = ${text(name)}, worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = [${moduleFiles(built)
        .map((file) => moduleText(folder, file))
        .join(", ")}],
      bindings = [${[...objectBindings, ...bindings].join(", ")}],
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (localDisk = "disk"),
    ))`;
}

function configText(workers: readonly Worker[], disk: string): string {
  const services = [
    ...workers.map(workerText),
    `(name = "disk", disk = (path = ${text(disk)}, writable = true))`,
    '(name = "internet", network = (allow = []))',
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = ${text(workers[0]?.name ?? "")})],
);
`;
}

/** Starts workerd with these Workers, the first of which answers on the url, and with objects that hold nothing yet. */
export async function serve(...workers: readonly Worker[]): Promise<Served> {
  const folder = temporaryFolder();
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const config = join(folder, "config.capnp");
  writeFileSync(config, configText(workers, disk));
  // Embedded files are named by absolute paths, which count from the import path.
  const args = ["-c", LEASHED, WORKERD, "serve", config, "--import-path=/", "--control-fd=4"];
  const child = spawn("/bin/sh", args, { detached: true, stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
  children.add(child);
  const errors: string[] = [];
  createInterface({ input: child.stderr as Readable }).on("line", (line) => {
    if (errors.push(line) > KEPT_ERROR_LINES) errors.shift();
  });
  const complaints = () => errors.join("\n");
  const port = await Promise.race([portOf(child), once(child, "exit"), sleep(START_TIMEOUT_MS, null, { ref: false })]);
  if (typeof port !== "number" || child.pid === undefined) throw new Error(`workerd did not start\n${complaints()}`);
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, complaints, stop: () => stop(child, folder) };
}

/** The port that workerd chose, as it tells on its control pipe. */
async function portOf(child: ChildProcess): Promise<number | null> {
  for await (const line of createInterface({ input: child.stdio[4] as Readable })) {
    const message: { event?: string; port?: number } = JSON.parse(line);
    if (message.event === "listen" && message.port !== undefined) return message.port;
  }
  return null;
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const exited = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
  killGroup(child);
  await exited;
  children.delete(child);
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
