/** The course of a crash drill: work and kills at once, then recovery, then the questions. */
import { setTimeout as sleep } from "node:timers/promises";
import { sweep } from "../stack-cron.ts";
import { type Attempts, auditState } from "./audit.ts";
import {
  type Check,
  checkConversions,
  checkDownloads,
  checkFailures,
  checkUsage,
  isActive,
  listConversions,
  type Owned,
} from "./checks.ts";
import type { DrillLoad } from "./load.ts";
import type { DrillPlan } from "./plan.ts";
import { type Crash, crashLine, seconds } from "./report.ts";
import type { DrillService } from "./service.ts";
import { readD1, resumptions, snapshot, unfinished } from "./state.ts";

/** The contract: unfinished work is taken up so soon after a restart. */
const RESUME_MS = 60_000;
const POLL_MS = 1_000;

/** What is known of a drill so far. */
export class Drill {
  readonly plan: DrillPlan;
  readonly stateDir: string;
  readonly service: DrillService;
  readonly load: DrillLoad;
  readonly crashes: Crash[] = [];
  readonly checks: Check[] = [];
  ended = 0;
  /** How many ended how, once all have. */
  readonly endings = new Map<string, number>();
  /** From the last restart until nothing was left to do. */
  recoveryMs: number | null = null;
  attempts: Attempts = { sum: 0, max: 0, failed: 0 };
  readonly #tell: (text: string) => void;

  constructor(plan: DrillPlan, stateDir: string, service: DrillService, load: DrillLoad, tell: (text: string) => void) {
    this.plan = plan;
    this.stateDir = stateDir;
    this.service = service;
    this.load = load;
    this.#tell = tell;
  }

  async run(): Promise<void> {
    const readyAt = await this.service.start();
    this.#tell("ready for the first time");
    await Promise.all([this.load.run(this.plan.jobs), this.#crashAgainAndAgain()]);
    const owned = await this.#untilAllHaveEnded();
    this.recoveryMs = Date.now() - (this.crashes.at(-1)?.readyAt ?? readyAt);
    this.#tell(`all have ended ${seconds(this.recoveryMs)} after the last restart`);
    await this.#check(owned);
  }

  /** Ends a drill that can't go on, and notes what it leaves behind. */
  async breakOff(reason: string): Promise<void> {
    await this.service.close("kill");
    await this.#noteResumption().catch(() => {});
    const audited = await auditState(this.stateDir, this.plan.jobs.length, 0).catch(() => null);
    this.attempts = audited?.attempts ?? this.attempts;
    const left = await readD1(this.stateDir, unfinished).catch((error: Error) => [error.message]);
    const seen = `${this.load.created.length} of ${this.plan.jobs.length} created, ${left.length} unfinished`;
    this.checks.push({ name: "the drill came to its end", seen, problems: [reason, ...left] });
  }

  async #crashAgainAndAgain(): Promise<void> {
    const { service, load, plan, crashes } = this;
    for (const momentMs of plan.momentsMs) {
      await sleep(Math.max(0, momentMs - service.lifeMs));
      const [lifeMs, inFlight] = [service.lifeMs, { ...load.inFlight }];
      await service.crash();
      const killedAt = Date.now();
      await this.#noteResumption();
      const state = await readD1(this.stateDir, snapshot);
      this.ended = state.ended;
      const restartedAt = Date.now();
      const readyAt = await service.start();
      const readyAfterMs = readyAt - restartedAt;
      const crash = { killedAt, readyAt, lifeMs, inFlight, state, readyAfterMs, resumedAfterMs: null };
      crashes.push(crash);
      this.#tell(crashLine(crash, crashes.length, plan.momentsMs.length));
    }
  }

  /** Looks up when the work that the latest crash left was taken up again; nothing may run meanwhile. */
  async #noteResumption(): Promise<readonly number[]> {
    const crash = this.crashes.at(-1);
    if (crash === undefined) return [];
    const times = await readD1(this.stateDir, (query) => resumptions(query, crash.killedAt));
    const afterMs = times.map((at) => Math.max(0, at - crash.readyAt));
    this.crashes[this.crashes.length - 1] = { ...crash, resumedAfterMs: afterMs[0] ?? null };
    return afterMs;
  }

  async #list(): Promise<Owned> {
    const url = await this.service.up();
    const users = await this.load.users();
    return Promise.all(users.map(async (user) => ({ user, conversions: await listConversions(url, user) })));
  }

  async #untilAllHaveEnded(): Promise<Owned> {
    for (;;) {
      const owned = await this.#list();
      const all = owned.flatMap(({ conversions }) => conversions);
      this.ended = all.filter((conversion) => !isActive(conversion)).length;
      if (this.ended === all.length) return owned;
      await sleep(POLL_MS);
    }
  }

  async #check(owned: Owned): Promise<void> {
    const { service, load, plan, checks, endings } = this;
    for (const { status } of owned.flatMap(({ conversions }) => conversions)) {
      endings.set(status, (endings.get(status) ?? 0) + 1);
    }
    const url = await service.up();
    const wanted = plan.jobs.length;
    checks.push(...checkConversions(wanted, load.created, owned), checkFailures(this.crashes.length, owned));
    checks.push(await checkDownloads(url, owned), await checkUsage(url, owned));
    const sweptAt = Date.now();
    await sweep(url);
    await service.close("stop");
    const audited = await auditState(this.stateDir, wanted, sweptAt);
    this.attempts = audited.attempts;
    checks.push(...audited.checks, await this.#checkResumption());
  }

  async #checkResumption(): Promise<Check> {
    const left = this.crashes.at(-1)?.state;
    const afterMs = await this.#noteResumption();
    const late = afterMs.filter((ms) => ms > RESUME_MS);
    const unfinished = left === undefined ? 0 : left.queued + left.processing;
    const slowest = afterMs.length === 0 ? "" : `, the last after ${seconds(Math.max(...afterMs))}`;
    return {
      name: `what the last crash left was resumed within ${RESUME_MS / 1000} s`,
      seen: `${afterMs.length} of ${unfinished}${slowest}`,
      problems: [
        ...late.map((ms) => `one was taken up only after ${seconds(ms)}`),
        ...(afterMs.length === unfinished ? [] : [`${unfinished - afterMs.length} were never touched again`]),
      ],
    };
  }
}
