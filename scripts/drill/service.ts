/** The stack under a crash drill: killed and started again on the same state, with a clock that runs while it is up. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { freePort, type Stack, StackError, startStack } from "../stack.ts";
import type { Variables } from "../stack-env.ts";
import type { LogLine } from "../stack-logs.ts";

const READY_MS = 90_000;
/** A start can't be called off before its migrations are applied. */
const START_PATIENCE_MS = 20_000;
const KEPT_ERRORS = 200;

export interface ServiceOptions {
  readonly stateDir: string;
  readonly logFile: string;
  readonly env: Variables;
}

export class DrillService {
  /** Lines of the log that tell of an error, or of an attempt that failed otherwise than by a kill. */
  readonly errors: string[] = [];
  readonly #options: ServiceOptions;
  #stack: Stack | null = null;
  #starting: Promise<unknown> = Promise.resolve();
  #readyAt: number | null = null;
  #closed = false;
  #pastUptimeMs = 0;
  #ready = Promise.withResolvers<string>();

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** The last lines of the log. */
  get logs(): readonly LogLine[] {
    return this.#stack?.logs ?? [];
  }

  /** How long it has been up, in all its lives. */
  get uptimeMs(): number {
    return this.#pastUptimeMs + this.lifeMs;
  }

  /** How long it has been up since it was last started. */
  get lifeMs(): number {
    return this.#readyAt === null ? 0 : Date.now() - this.#readyAt;
  }

  /** Its address, as soon as it is up. */
  up(): Promise<string> {
    return this.#ready.promise;
  }

  async untilUptime(ms: number): Promise<void> {
    while (this.uptimeMs < ms) await sleep(10);
  }

  /** @returns when it became ready. */
  async start(): Promise<number> {
    if (this.#closed) throw new StackError("the drill is over");
    const launch = async () => {
      const { stateDir, env } = this.#options;
      this.#stack = await startStack({ port: await freePort(), stateDir, env, onLog: (line) => this.#log(line) });
      return this.#stack;
    };
    const starting = launch();
    this.#starting = starting.catch(() => {});
    const stack = await starting;
    const health = await stack.ready(READY_MS);
    if (health.status !== 200) throw new StackError(`/api/health answered ${health.status}`, stack.logs);
    this.#readyAt = Date.now();
    this.#ready.resolve(stack.url);
    return this.#readyAt;
  }

  /** Kills the whole process group at once, and makes sure that nobody answers any more. */
  async crash(): Promise<void> {
    const stack = this.#stack;
    if (stack === null) throw new StackError("there is nothing to kill");
    this.#down();
    await stack.kill();
    this.#stack = null;
    const answers = await fetch(`${stack.url}/api/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (answers !== null) throw new StackError("the service still answers after it was killed");
  }

  /** Ends it for good, in an orderly way or not. */
  async close(how: "stop" | "kill"): Promise<void> {
    this.#closed = true;
    this.#down();
    await Promise.race([this.#starting, sleep(START_PATIENCE_MS, undefined, { ref: false })]);
    await this.#stack?.[how]();
    this.#stack = null;
  }

  #down(): void {
    this.#pastUptimeMs = this.uptimeMs;
    this.#readyAt = null;
    this.#ready = Promise.withResolvers<string>();
  }

  #log({ source, text }: LogLine): void {
    const line = `${source.padEnd(8)} ${stripVTControlCharacters(text)}`;
    appendFileSync(this.#options.logFile, `${line}\n`);
    if (/ ERROR | attempt failed |✘ \[ERROR\]|\ba sweep failed\b/.test(line) && this.errors.length < KEPT_ERRORS)
      this.errors.push(line);
  }
}
