import { describeError } from "../../../kernel/describe-error.ts";
import { newId } from "../../../kernel/ids.ts";
import type { LogFields } from "../../../kernel/logger.ts";
import { SlotBusyError } from "../../../kernel/slot.ts";
import { parseTraceparent } from "../../../kernel/trace-context.ts";
import { unlessAborted } from "../../../kernel/unless-aborted.ts";
import { GenerationError, type GenerationFailure } from "../../../ports/image-generator.ts";
import { backoffMs } from "../backoff.ts";
import { wantedProvider } from "../candidates.ts";
import { answerKey, type Conversion, conversionKeys, isTerminal, LEASE_MS } from "../conversion.ts";
import { CircuitOpenError, FAILURE_POLICIES, type FailureCode } from "../failures.ts";
import type { Claim, Lease } from "../repository.ts";
import { usualTimes } from "../stage-timings.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { type HeldJob, holdJob, JobTakenAwayError } from "./hold-lease.ts";
import { adoptResult, finishAnswer, hasAnswer, type Produced, produceResult } from "./produce-result.ts";
import { type JobReport, told } from "./tell-job.ts";

/** A job that met an open circuit looks again at least this often: the circuit may close sooner than it was to. */
const LONGEST_WAIT_MS = 30_000;
/** More is no matter of clocks: then a message of its own follows. */
const EARLY_MS = 3_000;
/** Jobs that wait for the same thing should not all come back at once. */
const SPREAD_MS = 2_000;

/**
 * Runs one conversion as far as it goes. Safe to call at any time, any number of times, at once: only the holder of
 * the lease can write, and a result that is already stored is adopted instead of made again. @returns what became of
 * it, for the log.
 */
export async function runConversion(deps: ConversionWorkerDeps, id: string): Promise<LogFields> {
  const options = { now: deps.clock.now(), leaseMs: LEASE_MS, maxAttempts: deps.config.conversions.maxAttempts };
  const claimed = await deps.conversions.claim(id, { ...options, attemptsSpent: false });
  if (claimed) return told(deps, claimed.conversion, await work(deps, claimed));
  const spent = await deps.conversions.claim(id, { ...options, attemptsSpent: true });
  if (spent) return told(deps, spent.conversion, await finishSpent(deps, spent));
  // Nothing to claim: it has ended, somebody else is at it, it is not due yet, or time is up.
  if (await deps.conversions.expire(id, deps.clock.now())) return { outcome: "expired" };
  await sendAgainIfEarly(deps, id);
  return { outcome: "nothing_to_do" };
}

/** A message may come a moment before its job is due, by another clock; there would be no other one soon. */
async function sendAgainIfEarly(deps: ConversionWorkerDeps, id: string): Promise<void> {
  const found = await deps.conversions.inspect(id);
  if (found === null || found.deleted || found.status !== "queued") return;
  const leftMs = found.notBefore - deps.clock.now();
  if (leftMs <= 0 || leftMs > EARLY_MS) return;
  await deps.jobs.sendConversion(id, { delaySeconds: Math.ceil(leftMs / 1000), origin: found.origin });
}

/** A job whose attempts are used up is only finished from what an earlier attempt stored, or was answered. */
async function finishSpent(deps: ConversionWorkerDeps, claim: Claim): Promise<JobReport> {
  const { lease, conversion } = claim;
  const job = hold(deps, claim);
  try {
    const stored = await unlessAborted(finishAnswer(deps, conversion, job), job.signal);
    if (stored) return await finish(deps, lease, conversion, { result: stored, times: null });
    return await fail(deps, lease, "worker_lost");
  } catch (error) {
    if (error instanceof JobTakenAwayError) return await takenAway(deps, conversion.id);
    // Waiting for room costs no attempt, and this one has paid for its answer.
    if (error instanceof SlotBusyError) return await settleFailure(deps, lease, conversion, error);
    if (await deps.conversions.expire(conversion.id, deps.clock.now())) return { outcome: "expired" };
    deps.logger.log("warn", "a last try failed", { conversionId: conversion.id, cause: describeError(error) });
    const code = error instanceof GenerationError ? FAILURE_POLICIES[error.failure].code : "worker_lost";
    return await fail(deps, lease, code);
  } finally {
    job.release();
  }
}

async function fail(deps: ConversionWorkerDeps, lease: Lease, code: FailureCode): Promise<JobReport> {
  const isOurs = await deps.conversions.fail(lease, code, deps.clock.now());
  return isOurs ? { outcome: "failed", code } : takenAway(deps, lease.conversionId);
}

/**
 * A worker without its job deletes what it may have stored after the job's end: nobody else would look for that. What
 * has a reader stays, and so does what another worker may go on from.
 */
async function takenAway(deps: ConversionWorkerDeps, id: string): Promise<JobReport> {
  const isOver = await deps.conversions.expire(id, deps.clock.now());
  const current = await deps.conversions.inspect(id);
  if (current === null || isTerminal(current.status)) {
    await deps.objects.delete(current?.result ? [answerKey(id)] : conversionKeys(id));
  }
  return { outcome: isOver ? "expired" : "taken_away" };
}

function hold(deps: ConversionWorkerDeps, { lease, conversion, times }: Claim): HeldJob {
  const wanted = wantedProvider(deps.config, conversion.input);
  return holdJob(deps, lease, conversion, times.get(wanted) ?? usualTimes(wanted));
}

async function work(deps: ConversionWorkerDeps, claim: Claim): Promise<JobReport> {
  const { lease, conversion } = claim;
  const job = hold(deps, claim);
  try {
    const produced = await unlessAborted(produceResult(deps, claim, job), job.signal);
    return { ...(await finish(deps, lease, conversion, produced)), times: job.times() };
  } catch (error) {
    if (error instanceof JobTakenAwayError) return await takenAway(deps, conversion.id);
    return await settleFailure(deps, lease, conversion, error);
  } finally {
    job.release();
  }
}

/** Records the stored result. */
async function finish(
  deps: ConversionWorkerDeps,
  lease: Lease,
  conversion: Conversion,
  { result, times }: Produced,
): Promise<JobReport> {
  const now = deps.clock.now();
  // Only paid providers' answers are kept.
  const answerOutboxId = result.provider === "local" ? null : newId("obx", now);
  if (await deps.conversions.succeed(lease, result, { now, answerOutboxId, times })) {
    if (answerOutboxId !== null) deps.background(dropAnswer(deps, conversion.id, answerOutboxId));
    return { outcome: "succeeded", result };
  }
  return takenAway(deps, conversion.id);
}

/** At once; where this is cut off, the promise in the outbox does it later. */
async function dropAnswer(deps: ConversionWorkerDeps, id: string, outboxId: string): Promise<void> {
  await deps.objects.delete([answerKey(id)]);
  await deps.outbox.settle(outboxId);
}

type Verdict =
  | { readonly end: FailureCode }
  | {
      readonly code: FailureCode;
      readonly failure: GenerationFailure | null;
      readonly delayMs: number;
      readonly keepAttempt: boolean;
    };

/** At least `ms`, and up to twice as long where that is short. */
function spread(ms: number): number {
  return ms + Math.round(Math.random() * Math.min(ms, SPREAD_MS));
}

async function judge(deps: ConversionWorkerDeps, conversion: Conversion, error: unknown): Promise<Verdict> {
  const { maxAttempts } = deps.config.conversions;
  if (error instanceof SlotBusyError) {
    return { code: "worker_lost", failure: null, delayMs: spread(1_000), keepAttempt: true };
  }
  if (!(error instanceof GenerationError)) {
    // An answer that was paid for is worth one more try, which will count as none.
    const isOver = conversion.attempt >= maxAttempts && !(await hasAnswer(deps, conversion));
    if (isOver) return { end: "worker_lost" };
    return { code: "worker_lost", failure: null, delayMs: backoffMs(conversion.attempt, null), keepAttempt: false };
  }
  const { failure, retryAfterMs } = error;
  const { code, retry } = FAILURE_POLICIES[failure];
  if (retry === "never") return { end: code };
  if (error instanceof CircuitOpenError) {
    const delayMs = spread(Math.min(retryAfterMs ?? 0, LONGEST_WAIT_MS));
    return { code, failure: null, delayMs, keepAttempt: true };
  }
  const isLast =
    conversion.attempt >= maxAttempts || (retry === "once" && (await hasFailedSo(deps, conversion, failure)));
  if (isLast) return { end: code };
  return { code, failure, delayMs: backoffMs(conversion.attempt, retryAfterMs), keepAttempt: false };
}

/** Ends a job in failure, unless the machinery failed it after its result had been stored. */
async function end(
  deps: ConversionWorkerDeps,
  lease: Lease,
  conversion: Conversion,
  error: unknown,
  code: FailureCode,
): Promise<JobReport> {
  const stored = error instanceof GenerationError ? null : await adoptResult(deps, conversion);
  return stored ? finish(deps, lease, conversion, { result: stored, times: null }) : fail(deps, lease, code);
}

/** Whether an attempt before this one failed for the same reason. */
async function hasFailedSo(deps: ConversionWorkerDeps, conversion: Conversion, failure: GenerationFailure) {
  if (conversion.lastFailure === failure) return true;
  const calls = await deps.calls.ofConversion(conversion.id);
  return calls.some(({ outcome, attempt }) => outcome === failure && attempt < conversion.attempt);
}

/** A failure that has no class of its own: of the machinery, or a mistake of ours. */
function report(deps: ConversionWorkerDeps, { id, userId, origin }: Conversion, error: unknown): void {
  const traceId = parseTraceparent(origin?.traceparent)?.traceId;
  deps.errors.report(error, {
    where: "conversion",
    conversionId: id,
    userId,
    requestId: origin?.requestId,
    traceId,
  });
}

/** Puts the job back for another attempt, or ends it when its class, attempts or time allow none. */
async function settleFailure(
  deps: ConversionWorkerDeps,
  lease: Lease,
  conversion: Conversion,
  error: unknown,
): Promise<JobReport> {
  const now = deps.clock.now();
  if (await deps.conversions.expire(conversion.id, now)) return { outcome: "expired" };
  const verdict = await judge(deps, conversion, error);
  deps.logger.log("warn", "conversion attempt failed", {
    conversionId: conversion.id,
    attempt: conversion.attempt,
    code: "end" in verdict ? verdict.end : verdict.code,
    retried: !("end" in verdict),
    cause: describeError(error),
  });
  if (!(error instanceof GenerationError) && !(error instanceof SlotBusyError)) report(deps, conversion, error);
  if ("end" in verdict) return end(deps, lease, conversion, error, verdict.end);
  const { code, failure, keepAttempt } = verdict;
  const notBefore = now + verdict.delayMs;
  const outboxId = newId("obx", now);
  const options = { notBefore, cause: code, failure, keepAttempt, now, outboxId };
  const again: JobReport = { outcome: "again", code };
  if (!(await deps.conversions.requeue(lease, options))) return { ...(await takenAway(deps, conversion.id)), code };
  // Where no attempt fits in any more the row waits for its deadline and ends as expired, which is what it will be.
  if (notBefore >= conversion.deadlineAt) return again;
  const delaySeconds = Math.ceil(verdict.delayMs / 1000);
  await deps.jobs.sendConversion(conversion.id, { delaySeconds, origin: conversion.origin });
  await deps.outbox.settle(outboxId);
  return again;
}
