import type { WorkStage } from "../conversion.ts";
import { progressAt, type StageTimes } from "../stage-timings.ts";

/** Each step is a write and an event: small ones are not worth it. */
const PROGRESS_STEP = 10;

/** Which stage a job is in, how long each has taken, and how far along that puts it. */
export class StageClock {
  readonly #spent: Record<WorkStage, number> = { fetching: 0, generating: 0, encoding: 0, storing: 0 };
  #times: StageTimes;
  #stage: WorkStage = "fetching";
  #since: number;
  #shown: number;

  /** `shown` is the progress of an earlier attempt: it takes more than that to be a step. */
  constructor(times: StageTimes, shown: number, now: number) {
    this.#times = times;
    this.#since = now;
    this.#shown = shown;
  }

  get stage(): WorkStage {
    return this.#stage;
  }

  /** Goes by these times from now on. */
  expect(times: StageTimes): void {
    this.#times = times;
  }

  /** @returns the progress at the stage's beginning. A stage that begins anew forgets how long it took before. */
  enter(stage: WorkStage, now: number): number {
    if (stage === this.#stage) this.#spent[stage] = 0;
    else this.#spent[this.#stage] += now - this.#since;
    this.#stage = stage;
    this.#since = now;
    this.#shown = Math.max(this.#shown, progressAt(this.#times, stage, 0));
    return this.#shown;
  }

  /** The progress by now where it is a step further than what was shown, else null. */
  step(now: number): number | null {
    const progress = progressAt(this.#times, this.#stage, now - this.#since);
    if (progress < this.#shown + PROGRESS_STEP) return null;
    this.#shown = progress;
    return progress;
  }

  /** How long each stage took so far. */
  spent(now: number): StageTimes {
    return { ...this.#spent, [this.#stage]: this.#spent[this.#stage] + now - this.#since };
  }
}
