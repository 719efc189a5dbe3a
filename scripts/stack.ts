/** The four Workers under one `wrangler dev`, for `npm run dev`, the demo and the end-to-end tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { devNull } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { scheduleSweeps } from "./stack-cron.ts";
import { ROOT, type Variables, wranglerEnvironment } from "./stack-env.ts";
import { createLogFilter, type LogLine, lineSplitter } from "./stack-logs.ts";

const CLI = join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js");
/** The first is the one that answers on the port. */
const CONFIGS = ["wrangler.toml", ...["consumer", "hasher", "tail"].map((name) => `src/workers/${name}/wrangler.toml`)];
const KEPT_LINES = 200;

/**
 * Runs wrangler as the leader of a process group with a watcher in it: workerd outlives wrangler, and wrangler outlives
 * us, but when our end of pipe 3 closes, for whatever reason, the watcher kills the group.
 */
export const LEASHED = '(read -r _ <&3; kill -9 0) >/dev/null 2>&1 & exec "$0" "$@" 3<&-';

export interface StackOptions {
  readonly port: number;
  /** Where D1, R2 and Durable Objects live; a stack started on the same directory finds them again. */
  readonly stateDir: string;
  /** The Workers' variables; they win over `[vars]`. Nothing else of the environment reaches the configuration. */
  readonly env: Variables;
  readonly onLog?: ((line: LogLine) => void) | undefined;
}

/** What `/api/health` answered: anything but 200 means that the service runs and refuses to serve. */
export interface Health {
  readonly status: number;
  readonly body: unknown;
}

export interface Stack {
  readonly url: string;
  /** The last lines of the log, without wrangler's chatter. */
  readonly logs: readonly LogLine[];
  /** Resolves when wrangler ends, asked to or not. */
  readonly exited: Promise<string>;
  /** @throws {StackError} when wrangler ends before `/api/health` answers, or `timeoutMs` pass. */
  ready(timeoutMs: number): Promise<Health>;
  /** Ends everything in an orderly way. */
  stop(): Promise<void>;
  /** Ends everything at once with SIGKILL, as a crash would. */
  kill(): Promise<void>;
}

/** A stack that could not be started or did not stay up. */
export class StackError extends Error {
  override readonly name = "StackError";
  readonly logs: readonly LogLine[];

  constructor(message: string, logs: readonly LogLine[] = []) {
    super(message);
    this.logs = logs;
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new StackError("found no free port");
  return address.port;
}

/** Applies the migrations and starts the Workers; {@link Stack.ready} then waits for them. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stateDir = resolve(ROOT, options.stateDir);
  await checkPort(options.port);
  await mkdir(stateDir, { recursive: true });
  // Entries of a stack that was killed would point the cron trigger to where nobody is.
  await rm(join(stateDir, "registry"), { recursive: true, force: true });
  const env = wranglerEnvironment(stateDir, options.env);
  await migrate(stateDir, env);
  const configs = await Promise.all(CONFIGS.map(localConfig));
  return supervise(options, spawnWrangler(devArguments(configs, options.port, stateDir), env));
}

/**
 * A configuration as this machine can run it: the AI binding has no simulator, and wrangler would want an account for
 * it before it starts anything. The copy lies beside the original, since paths in it are relative.
 */
async function localConfig(config: string): Promise<string> {
  const original = await readFile(join(ROOT, config), "utf8");
  const text = original.replace(/^\[ai\]\n(?:[^[\n].*\n)*/m, "");
  if (text === original) return config;
  const copy = join(dirname(config), "wrangler.local.toml");
  // Left alone where it is right: stacks that run already would reload.
  if ((await readFile(join(ROOT, copy), "utf8").catch(() => "")) === text) return copy;
  const unfinished = join(ROOT, `${copy}.${process.pid}`);
  await writeFile(unfinished, text);
  await rename(unfinished, join(ROOT, copy));
  return copy;
}

function devArguments(configs: readonly string[], port: number, stateDir: string): string[] {
  const workers = configs.flatMap((config) => ["-c", config]);
  const address = ["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"];
  // With no env file of its own the first Worker would read .dev.vars instead of the environment it is given.
  const variables = ["--env-file", devNull];
  return [
    "dev",
    ...workers,
    ...address,
    ...variables,
    "--persist-to",
    stateDir,
    "--show-interactive-dev-session=false",
  ];
}

function spawnWrangler(args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn("/bin/sh", ["-c", LEASHED, process.execPath, "--no-warnings", CLI, ...args], {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
}

/** A stack that was just killed may hold its port for a moment. */
async function checkPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 15; attempt++) {
    if (await isFree(port)) return;
    await sleep(200);
  }
  throw new StackError(`port ${port} of 127.0.0.1 is in use: stop what listens there, or choose another with PORT=…`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
}

async function migrate(stateDir: string, env: Record<string, string>): Promise<void> {
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", stateDir, "-c", CONFIGS[0] ?? ""];
  const child = spawnWrangler(args, env);
  const output: LogLine[] = [];
  const progress = /^\s*$|^[┌├└│🌀🚣🪵]/u;
  collect(child, (text) => progress.test(text) || output.push({ source: "wrangler", text }));
  const [code] = await once(child, "exit");
  killGroup(child);
  if (code !== 0) throw new StackError("the database migrations failed", output);
}

function collect(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", lineSplitter(onLine));
}

function supervise(options: StackOptions, child: ChildProcess): Stack {
  const url = `http://127.0.0.1:${options.port}`;
  const logs: LogLine[] = [];
  const emit = (line: LogLine) => {
    if (logs.push(line) > KEPT_LINES) logs.shift();
    options.onLog?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    const filter = createLogFilter();
    stream?.setEncoding("utf8").on(
      "data",
      lineSplitter((raw) => {
        const line = filter(raw);
        if (line !== null) emit(line);
      }),
    );
  }
  const stopSweeps = new AbortController();
  const exited = once(child, "exit").then(([code, signal]) => {
    stopSweeps.abort();
    killGroup(child);
    return `wrangler ended (${signal ?? `exit code ${code}`})`;
  });
  return {
    url,
    logs,
    exited,
    async ready(timeoutMs) {
      const health = await firstAnswer(url, exited, timeoutMs, logs);
      scheduleSweeps(url, stopSweeps.signal, (text) => emit({ source: "cron", text }));
      return health;
    },
    stop: () => end(child, exited, stopSweeps, "SIGTERM"),
    kill: () => end(child, exited, stopSweeps, "SIGKILL"),
  };
}

async function end(child: ChildProcess, exited: Promise<string>, sweeps: AbortController, signal: NodeJS.Signals) {
  sweeps.abort();
  if (signal === "SIGKILL") killGroup(child);
  else child.kill(signal);
  await Promise.race([exited, sleep(5_000, undefined, { ref: false })]);
  killGroup(child);
  await exited;
}

export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function firstAnswer(url: string, exited: Promise<string>, timeoutMs: number, logs: LogLine[]): Promise<Health> {
  const deadline = Date.now() + timeoutMs;
  let ended: string | undefined;
  void exited.then((how) => {
    ended = how;
  });
  while (Date.now() < deadline) {
    const health = await askHealth(url);
    if (health !== null) return health;
    if (ended !== undefined) throw new StackError(`${ended} before /api/health answered`, logs);
    await sleep(100);
  }
  throw new StackError(`/api/health did not answer within ${Math.round(timeoutMs / 1000)} s`, logs);
}

async function askHealth(url: string): Promise<Health | null> {
  try {
    const response = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(5_000) });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return null;
  }
}
