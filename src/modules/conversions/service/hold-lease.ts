import type { WorkStage } from "../conversion.ts";
import type { Lease } from "../repository.ts";
import { progressAt, type StageTimes } from "../stage-timings.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

/** Longer than any time between two renewals, short enough that a lost job is taken up within half a minute. */
export const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
/** How soon a worker notices that its job was canceled. */
const BEAT_MS = 2_000;
/** What asking a breaker, the budget and the timings may take, beside the provider. */
const GENERATING_EXTRA_MS = 15_000;
/** Each step is a write and an event: small ones are not worth it. */
const PROGRESS_STEP = 10;

/** Thrown inside a run when another worker, the user or the deadline has taken the job away. */
export class JobTakenAwayError extends Error {
  override readonly name = "JobTakenAwayError";
}

export interface HeldJob {
  /** Fires when the job is no longer ours or out of time. */
  readonly signal: AbortSignal;
  /** Announces a stage. @throws {JobTakenAwayError} when the job is no longer ours. */
  advance(stage: WorkStage): Promise<void>;
  /** Goes by these times from now on. */
  expect(times: StageTimes): void;
  /** How long each stage took so far. */
  times(): StageTimes;
  release(): void;
}

/** Keeps a lease alive while its job runs, moves the progress on meanwhile, and notices when the job is taken away. */
export function holdJob(
  deps: Pick<ConversionWorkerDeps, "config" | "conversions" | "clock">,
  lease: Lease,
  job: { readonly deadlineAt: number; readonly times: StageTimes },
): HeldJob {
  const abort = new AbortController();
  const spent: Record<WorkStage, number> = { fetching: 0, generating: 0, encoding: 0, storing: 0 };
  let { times } = job;
  let stage: WorkStage = "fetching";
  let stageSince = deps.clock.now();
  let renewedAt = stageSince;
  let shown = 0;

  async function write(now: number): Promise<boolean> {
    const progress = progressAt(times, stage, now - stageSince);
    renewedAt = now;
    if (progress < shown + PROGRESS_STEP) return deps.conversions.renewLease(lease, now + LEASE_MS);
    shown = progress;
    return deps.conversions.advance(lease, { stage, progress }, { now, leaseMs: LEASE_MS });
  }

  async function beat(): Promise<void> {
    const now = deps.clock.now();
    const isStep = progressAt(times, stage, now - stageSince) >= shown + PROGRESS_STEP;
    const held = isStep || now - renewedAt >= RENEW_MS ? await write(now) : await deps.conversions.holdsLease(lease);
    if (!held) abort.abort(new JobTakenAwayError("the lease was taken away"));
  }

  const timeIsUp = () => abort.abort(new JobTakenAwayError("the time is up"));
  const deadline = setTimeout(timeIsUp, job.deadlineAt - deps.clock.now());
  let watchdog: ReturnType<typeof setTimeout>;
  /** No stage, whatever it hangs on, holds a job for longer than a provider may. */
  const watch = () => {
    clearTimeout(watchdog);
    const { providerTimeoutMs } = deps.config.conversions;
    const limitMs = stage === "generating" ? providerTimeoutMs + GENERATING_EXTRA_MS : providerTimeoutMs;
    watchdog = setTimeout(() => abort.abort(new Error(`the stage ${stage} took too long`)), limitMs);
  };
  watch();
  let timer: ReturnType<typeof setTimeout>;
  /** One beat at a time; one that fails says nothing about who holds the job. */
  const next = () => {
    timer = setTimeout(
      () =>
        void beat()
          .catch(() => {})
          .finally(() => abort.signal.aborted || next()),
      BEAT_MS,
    );
  };
  next();

  return {
    signal: abort.signal,
    async advance(reached) {
      const now = deps.clock.now();
      spent[stage] += now - stageSince;
      stage = reached;
      stageSince = now;
      renewedAt = now;
      shown = progressAt(times, stage, 0);
      watch();
      const kept = await deps.conversions.advance(lease, { stage, progress: shown }, { now, leaseMs: LEASE_MS });
      if (!kept) throw new JobTakenAwayError("the job was taken away between two stages");
    },
    expect(usual) {
      times = usual;
    },
    times: () => ({ ...spent, [stage]: spent[stage] + deps.clock.now() - stageSince }),
    release() {
      clearTimeout(timer);
      clearTimeout(deadline);
      clearTimeout(watchdog);
      abort.abort(new JobTakenAwayError("the job is over"));
    },
  };
}
