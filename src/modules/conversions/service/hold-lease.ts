import { type Conversion, LEASE_MS, type WorkStage } from "../conversion.ts";
import type { Lease } from "../repository.ts";
import type { StageTimes } from "../stage-timings.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { StageClock } from "./stage-clock.ts";

const RENEW_MS = 10_000;
/** How soon a worker notices that its job was canceled. */
const BEAT_MS = 2_000;
/** A beat that hangs is given up, so that the next one may renew the lease. */
const BEAT_TIMEOUT_MS = 5_000;
/** What announcing a provider, the budget and the record may take, beside the provider's own time. */
const GENERATING_EXTRA_MS = 15_000;

/** Thrown inside a run when another worker, the user or the deadline has taken the job away. */
export class JobTakenAwayError extends Error {
  override readonly name = "JobTakenAwayError";
}

export interface HeldJob {
  /** Fires when the job is no longer ours, out of time, or stuck in a stage. */
  readonly signal: AbortSignal;
  /** Announces a stage. @throws {JobTakenAwayError} when the job is no longer ours. */
  advance(stage: WorkStage): Promise<void>;
  /** Goes by these times from now on. */
  expect(times: StageTimes): void;
  /** How long each stage took so far. */
  times(): StageTimes;
  release(): void;
}

type HoldDeps = Pick<ConversionWorkerDeps, "config" | "conversions" | "clock">;

/** Settles with `work`, or after a while without it. */
function within(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer);
        resolve();
      });
  });
}

/** Keeps a lease alive while its job runs, moves the progress on meanwhile, and notices when the job is taken away. */
export function holdJob(deps: HoldDeps, lease: Lease, conversion: Conversion, times: StageTimes): HeldJob {
  const { conversions, clock } = deps;
  const abort = new AbortController();
  const stages = new StageClock(times, conversion.progress, clock.now());
  const limits = stageLimits(deps, abort, conversion.deadlineAt);
  let renewedAt = clock.now();

  /** One beat. One that fails says nothing about who holds the job. */
  async function beat(): Promise<void> {
    const now = clock.now();
    const progress = stages.step(now);
    const writes = progress !== null || now - renewedAt >= RENEW_MS;
    const held =
      progress !== null
        ? await conversions.advance(lease, { stage: stages.stage, progress }, { now, leaseMs: LEASE_MS })
        : writes
          ? await conversions.renewLease(lease, now + LEASE_MS)
          : await conversions.holdsLease(lease);
    if (!held) abort.abort(new JobTakenAwayError("the lease was taken away"));
    else if (writes) renewedAt = now;
  }

  let beating: Promise<void> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout>;
  const next = () => {
    timer = setTimeout(() => {
      beating = within(beat(), BEAT_TIMEOUT_MS);
      void beating.then(() => abort.signal.aborted || next());
    }, BEAT_MS);
  };
  next();

  return {
    signal: abort.signal,
    async advance(stage) {
      abort.signal.throwIfAborted();
      // A beat on its way would put the stage back.
      await beating;
      abort.signal.throwIfAborted();
      const now = clock.now();
      const progress = stages.enter(stage, now);
      limits.watch(stage);
      const kept = await conversions.advance(lease, { stage, progress }, { now, leaseMs: LEASE_MS });
      if (!kept) throw new JobTakenAwayError("the job was taken away between two stages");
      renewedAt = now;
    },
    expect: (usual) => stages.expect(usual),
    times: () => stages.spent(clock.now()),
    release() {
      clearTimeout(timer);
      limits.clear();
      abort.abort(new JobTakenAwayError("the job is over"));
    },
  };
}

/** Ends a run at the job's deadline, or when a stage, whatever it hangs on, takes longer than any should. */
function stageLimits({ config, clock }: HoldDeps, abort: AbortController, deadlineAt: number) {
  const { providerTimeoutMs, stageTimeoutMs } = config.conversions;
  const timeIsUp = () => abort.abort(new JobTakenAwayError("the time is up"));
  const deadline = setTimeout(timeIsUp, deadlineAt - clock.now());
  let timer: ReturnType<typeof setTimeout>;
  const watch = (stage: WorkStage) => {
    clearTimeout(timer);
    const limitMs = stage === "generating" ? providerTimeoutMs + GENERATING_EXTRA_MS : stageTimeoutMs;
    timer = setTimeout(() => abort.abort(new Error(`the stage ${stage} took too long`)), limitMs);
  };
  watch("fetching");
  return {
    watch,
    clear() {
      clearTimeout(deadline);
      clearTimeout(timer);
    },
  };
}
