import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, killGroup, LEASHED } from "../../../scripts/stack.ts";

const READY_MS = 20_000;
const STOP_MS = 5_000;
/** It looks for its targets only every five seconds. */
const SCRAPES_MS = 30_000;

export interface PrometheusOptions {
  readonly program: string;
  /** The service's address. */
  readonly target: string;
  readonly token: string;
  readonly rulesFile: string;
}

/** A series of an answer with its value at that time. */
export interface InstantSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface LoadedRule {
  readonly name: string;
  /** `unknown` until it was evaluated for the first time. */
  readonly health: "ok" | "err" | "unknown";
  readonly lastError?: string;
  readonly state: string;
}

export interface RunningPrometheus {
  /** The `instance` of what it scrapes. */
  readonly instance: string;
  /** @throws {Error} with Prometheus' own words when the expression is none. */
  query(expression: string): Promise<InstantSample[]>;
  rules(): Promise<LoadedRule[]>;
  /** Waits for so many more scrapes that succeed. */
  scrapes(count: number): Promise<void>;
  close(): Promise<void>;
}

function configOf({ target, rulesFile }: PrometheusOptions, tokenFile: string) {
  const { host, protocol } = new URL(target);
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [rulesFile],
    scrape_configs: [
      {
        job_name: "ai-styler",
        scheme: protocol.slice(0, -1),
        metrics_path: "/api/metrics",
        authorization: { credentials_file: tokenFile },
        static_configs: [{ targets: [host] }],
      },
    ],
  };
}

async function api<T>(url: string, path: string): Promise<T> {
  const response = await fetch(new URL(path, url), { signal: AbortSignal.timeout(10_000) });
  const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
  if (status !== "success") throw new Error(error);
  return data;
}

/** What can be asked of one at `url`. */
function clientOf(url: string): Pick<RunningPrometheus, "query" | "rules" | "scrapes"> {
  const query = async (expression: string): Promise<InstantSample[]> => {
    type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] };
    const { result } = await api<Vector>(url, `/api/v1/query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  const scraped = async () => (await query("sum_over_time(up[1h])"))[0]?.value ?? 0;
  return {
    query,
    async rules() {
      const { groups } = await api<{ groups: { rules: LoadedRule[] }[] }>(url, "/api/v1/rules");
      return groups.flatMap(({ rules }) => rules);
    },
    async scrapes(count) {
      const wanted = (await scraped()) + count;
      const until = Date.now() + SCRAPES_MS;
      while ((await scraped()) < wanted) {
        if (Date.now() > until) throw new Error(`no ${count} scrapes within ${SCRAPES_MS} ms`);
        await sleep(200);
      }
    },
  };
}

function spawnIn(dir: string, port: number, options: PrometheusOptions): ChildProcess {
  const args = [
    `--config.file=${join(dir, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(dir, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ];
  return spawn("/bin/sh", ["-c", LEASHED, options.program, ...args], {
    cwd: dir,
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
}

/** Prometheus on a port and in a folder of its own. It ends with this process, however that ends. */
export async function startPrometheus(options: PrometheusOptions): Promise<RunningPrometheus> {
  const dir = await mkdtemp(join(tmpdir(), "ai-styler-prometheus-"));
  const tokenFile = join(dir, "token");
  await writeFile(tokenFile, options.token, { mode: 0o600 });
  // JSON is YAML, too.
  await writeFile(join(dir, "prometheus.yml"), JSON.stringify(configOf(options, tokenFile)));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawnIn(dir, port, options);
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = once(child, "exit");
  const close = async () => {
    child.kill("SIGTERM");
    await Promise.race([exited, sleep(STOP_MS, undefined, { ref: false })]);
    killGroup(child);
    await exited;
    await rm(dir, { recursive: true, force: true });
  };
  const deadline = Date.now() + READY_MS;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await close();
      throw new Error(`Prometheus did not start:\n${log}`);
    }
    await sleep(100);
  }
  return { instance: new URL(options.target).host, ...clientOf(url), close };
}

const isReady = (url: string) =>
  fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
