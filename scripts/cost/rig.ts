/** The four Workers as they are deployed, with counters between them and the platform's simulators. */
import { setTimeout as sleep } from "node:timers/promises";
import { type CpuProfile, Inspector } from "../../bench/inspector.ts";
import { migrate } from "../../bench/service.ts";
import { optionsOf, type Simulated, simulate } from "../../bench/simulators.ts";
import { bundle, temporaryFolder } from "../../bench/workerd.ts";
import type { Counts } from "../../bench/workers/cost/counts.ts";
import { type GeminiFake, startGeminiFake } from "../../src/providers/gemini/fake.ts";
import { type SmsIrFake, startSmsIrFake } from "../../src/providers/sms/smsir-fake.ts";
import { newSecret } from "../stack-env.ts";

export const WORKERS = {
  api: "wrangler.toml",
  consumer: "src/workers/consumer/wrangler.toml",
  hasher: "src/workers/hasher/wrangler.toml",
  tail: "src/workers/tail/wrangler.toml",
} as const;
export type WorkerId = keyof typeof WORKERS;
const IDS = Object.keys(WORKERS) as readonly WorkerId[];
/** What went through the metrics' own objects: it comes when their window is over, whatever is being done then. */
const BETWEEN_TIMES = /METRICS_SHARD|^flushes$/;
const METRICS_TOKEN = "the-token-of-a-cost-rig";
const POLL_MS = 100;
/** So many looks in a row must find the same: longer than the metrics' window. */
const QUIET_LOOKS = 4;
const SETTLE_TIMEOUT_MS = 60_000;
const SAMPLE_EVERY_US = 200;
const NO_WORK = new Set(["(idle)", "(root)"]);

interface Reading {
  readonly busy: number;
  readonly counts: Counts;
  readonly gauges: Counts;
}

export type Readings = Readonly<Record<WorkerId, Reading>>;

/**
 * Production, with the fakes in place of the world; only the free quota is wider, for one user does it all, and the
 * window of the metrics shorter, for it is waited for after each operation.
 */
function variables(sms: SmsIrFake, gemini: GeminiFake): Record<string, string> {
  return {
    ENVIRONMENT: "production",
    JWT_SECRET: newSecret(),
    METRICS_TOKEN,
    METRICS_WINDOW: "100ms",
    SMS_PROVIDER: "smsir",
    SMS_API_KEY: sms.apiKey,
    SMS_BASE_URL: sms.url,
    GEMINI_API_KEY: gemini.apiKey,
    GEMINI_BASE_URL: gemini.url,
    PROVIDERS: "gemini,local",
    FREE_MONTHLY_CONVERSIONS: "1000",
  };
}

const nameOf = (id: WorkerId) => `ai-styler-${id}`;

export class Rig {
  readonly sms: SmsIrFake;
  readonly url: string;
  /** What the metrics' own objects did so far. */
  readonly shards = { flushes: 0, rowsRead: 0, rowsWritten: 0 };
  readonly #gemini: GeminiFake;
  readonly #workers: Simulated;
  readonly #urls: Readonly<Record<WorkerId, string>>;

  private constructor(fakes: readonly [SmsIrFake, GeminiFake], workers: Simulated, urls: Record<WorkerId, string>) {
    [this.sms, this.#gemini] = fakes;
    this.#workers = workers;
    this.#urls = urls;
    this.url = urls.api;
  }

  static async start({ inspect }: { readonly inspect: boolean }): Promise<Rig> {
    const stateDir = temporaryFolder({ inMemory: true });
    migrate(stateDir);
    const fakes = await Promise.all([startSmsIrFake(), startGeminiFake()]);
    const bindings = variables(...fakes);
    const service = IDS.map((id) => ({
      options: { ...optionsOf(WORKERS[id], nameOf(id)), cronTriggers: [], bindings },
      bundle: bundle(`bench/workers/cost/${id}/wrangler.toml`),
    }));
    const workers = await simulate(service, { stateDir, inspect });
    const urls = await Promise.all(IDS.map(async (id) => [id, await workers.urlOf(nameOf(id))] as const));
    return new Rig(fakes, workers, Object.fromEntries(urls) as Record<WorkerId, string>);
  }

  async stop(): Promise<void> {
    await this.#workers.stop();
    await Promise.all([this.sms.close(), this.#gemini.close()]);
  }

  complaints(): string {
    return this.#workers.complaints();
  }

  /** Runs what the crons of the api and the consumer run every minute. */
  async cron(): Promise<void> {
    for (const id of ["api", "consumer"] as const) await this.#ask(id, "/cron");
  }

  /** Rings the alarms of the limiters, the hour or day before they would come. */
  async alarms(): Promise<void> {
    await this.#ask("api", "/alarms");
  }

  /** Lets the time of a picture be over, so that the next minute's sweep removes it. */
  async expire(imageId: string): Promise<void> {
    const database = await this.#workers.databaseOf(nameOf("api"));
    await database.prepare("UPDATE images SET expires_at = 1 WHERE id = ?").bind(imageId).run();
  }

  /** What Prometheus asks for. */
  async scrape(): Promise<string> {
    const headers = { Authorization: `Bearer ${METRICS_TOKEN}` };
    const response = await fetch(`${this.url}/api/metrics`, { headers });
    if (!response.ok) throw new Error(`the metrics answered ${response.status}`);
    return response.text();
  }

  /** What was counted since the last time, once all is quiet. */
  async settled(): Promise<Readings> {
    const deadline = Date.now() + SETTLE_TIMEOUT_MS;
    let seen = "";
    for (let quiet = 0; Date.now() < deadline; await sleep(POLL_MS)) {
      const readings = await this.#read("");
      const { text, busy } = stateOf(readings);
      quiet = text === seen && busy === 0 ? quiet + 1 : 0;
      seen = text;
      if (quiet < QUIET_LOOKS) continue;
      const settled = await this.#read("?reset");
      this.#addShards(settled);
      return settled;
    }
    throw new Error(`the Workers did not come to rest\n${this.complaints()}`);
  }

  async #ask(id: WorkerId, path: string): Promise<string> {
    const response = await fetch(`${this.#urls[id]}/__cost${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`the ${id} answered ${response.status} to ${path}: ${text}`);
    return text;
  }

  #addShards(readings: Readings): void {
    for (const id of IDS) {
      const { counts } = readings[id];
      this.shards.flushes += counts.flushes ?? 0;
      this.shards.rowsRead += counts["object.METRICS_SHARD.rowsRead"] ?? 0;
      this.shards.rowsWritten += counts["object.METRICS_SHARD.rowsWritten"] ?? 0;
    }
  }

  async #read(query: string): Promise<Readings> {
    const readings = IDS.map(async (id) => {
      return [id, JSON.parse(await this.#ask(id, query)) as Reading] as const;
    });
    return Object.fromEntries(await Promise.all(readings)) as Readings;
  }

  /** How long each Worker's isolate computed while `work` ran, in ms, by samples of its profiler: an estimate. */
  async computed(work: () => Promise<void>): Promise<Readonly<Record<WorkerId, number>>> {
    const inspectors = await Promise.all(
      IDS.map(async (id) => Inspector.open(await this.#workers.inspectorOf(nameOf(id)))),
    );
    const profiles: CpuProfile[] = [];
    const run = inspectors.reduceRight<() => Promise<void>>(
      (inner, inspector, i) => async () => {
        profiles[i] = await inspector.profile(SAMPLE_EVERY_US, inner);
      },
      work,
    );
    await run();
    for (const inspector of inspectors) inspector.close();
    const times = IDS.map((id, i) => [id, busyMs(profiles[i])] as const);
    return Object.fromEntries(times) as Record<WorkerId, number>;
  }
}

function stateOf(readings: Readings): { readonly text: string; readonly busy: number } {
  const counts = IDS.map((id) => Object.entries(readings[id].counts).filter(([name]) => !BETWEEN_TIMES.test(name)));
  return { text: JSON.stringify(counts), busy: IDS.reduce((sum, id) => sum + readings[id].busy, 0) };
}

function busyMs(profile: CpuProfile | undefined): number {
  if (profile === undefined) return 0;
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  let us = 0;
  for (const [i, sample] of profile.samples.entries()) {
    // What is longer is no sample's: meanwhile another isolate had the thread.
    if (!NO_WORK.has(names.get(sample) ?? "")) us += Math.min(profile.timeDeltas[i] ?? 0, 2 * SAMPLE_EVERY_US);
  }
  return us / 1_000;
}
