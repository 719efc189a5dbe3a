import { describeError } from "../../../kernel/describe-error.ts";
import { newId } from "../../../kernel/ids.ts";
import { GenerationError } from "../../../ports/image-generator.ts";
import { backoffMs } from "../backoff.ts";
import { type Conversion, isTerminal, resultKeys } from "../conversion.ts";
import { FAILURE_POLICIES, type FailureCode } from "../failures.ts";
import type { Lease } from "../repository.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { adoptResult, type ProducedResult, produceResult } from "./produce-result.ts";

/** Longer than any step between two heartbeats, short enough that a lost job is taken up within half a minute. */
export const LEASE_MS = 30_000;
const HEARTBEAT_MS = 10_000;

/** Thrown inside a run when another worker, the user or the deadline has taken the job away. */
class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/**
 * Runs one conversion as far as it goes. Safe to call at any time, any number of times, at once: only the holder of
 * the lease can write, and a result that is already stored is adopted instead of made again.
 */
export async function runConversion(deps: ConversionWorkerDeps, id: string): Promise<void> {
  const options = { now: deps.clock.now(), leaseMs: LEASE_MS, maxAttempts: deps.config.conversions.maxAttempts };
  const claimed = await deps.conversions.claim(id, { ...options, attemptsSpent: false });
  if (claimed) return work(deps, claimed.lease, claimed.conversion);
  const spent = await deps.conversions.claim(id, { ...options, attemptsSpent: true });
  if (spent) return finishSpent(deps, spent.lease, spent.conversion);
  // Nothing to claim: it has ended, somebody else is at it, it is not due yet (its own message follows), or time is up.
  await deps.conversions.expire(id, deps.clock.now());
}

/** A job whose attempts are used up is only finished from what an earlier attempt stored. */
async function finishSpent(deps: ConversionWorkerDeps, lease: Lease, conversion: Conversion): Promise<void> {
  const stored = await adoptResult(deps, conversion);
  if (stored) await finish(deps, lease, conversion, stored);
  else await deps.conversions.fail(lease, "worker_lost", deps.clock.now());
}

async function work(deps: ConversionWorkerDeps, lease: Lease, conversion: Conversion): Promise<void> {
  const abort = new AbortController();
  const leftMs = conversion.deadlineAt - deps.clock.now();
  const timeout = setTimeout(
    () => abort.abort(new GenerationError("timeout", "the provider took too long")),
    Math.min(deps.config.conversions.providerTimeoutMs, leftMs),
  );
  const heartbeat = setInterval(async () => {
    const kept = await deps.conversions.renewLease(lease, deps.clock.now() + LEASE_MS).catch(() => true);
    if (!kept) abort.abort(new LeaseLostError("the lease was taken away"));
  }, HEARTBEAT_MS);
  try {
    const producing = produceResult(deps, conversion, {
      signal: abort.signal,
      async advance(stage) {
        const kept = await deps.conversions.advance(lease, stage, { now: deps.clock.now(), leaseMs: LEASE_MS });
        if (!kept) throw new LeaseLostError("the job was taken away between two stages");
      },
    });
    await finish(deps, lease, conversion, await unlessAborted(producing, abort.signal));
  } catch (error) {
    if (error instanceof LeaseLostError) return;
    await settleFailure(deps, lease, conversion, error);
  } finally {
    clearTimeout(timeout);
    clearInterval(heartbeat);
  }
}

/** What `work` gives, unless the signal fires first: no step, whatever it hangs on, holds a job beyond its time. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return Promise.race([work, aborted]);
}

/** Records the stored result; where the job was taken away meanwhile, a result that nobody will adopt is deleted. */
async function finish(
  deps: ConversionWorkerDeps,
  lease: Lease,
  conversion: Conversion,
  result: ProducedResult,
): Promise<void> {
  const now = deps.clock.now();
  if (await deps.conversions.succeed(lease, result, now)) return;
  await deps.conversions.expire(conversion.id, now);
  const current = await deps.conversions.inspect(conversion.id);
  if (current && isTerminal(current.status) && current.status !== "succeeded") {
    const { original, thumbnail } = resultKeys(conversion.id);
    await deps.objects.delete([original, thumbnail]);
  }
}

function describeFailure(error: unknown): { code: FailureCode; attempts: number | null; retryAfterMs: number | null } {
  if (!(error instanceof GenerationError)) return { code: "worker_lost", attempts: null, retryAfterMs: null };
  const policy = FAILURE_POLICIES[error.failure];
  return { code: policy.code, attempts: policy.maxAttempts, retryAfterMs: error.retryAfterMs };
}

/** Puts the job back for another attempt, or ends it when its class, attempts or time allow none. */
async function settleFailure(
  deps: ConversionWorkerDeps,
  lease: Lease,
  conversion: Conversion,
  error: unknown,
): Promise<void> {
  const now = deps.clock.now();
  if (await deps.conversions.expire(conversion.id, now)) return;
  const { code, attempts, retryAfterMs } = describeFailure(error);
  deps.logger.log("warn", "conversion attempt failed", {
    conversionId: conversion.id,
    attempt: conversion.attempt,
    code,
    cause: describeError(error),
  });
  const attemptsLeft =
    conversion.attempt < Math.min(attempts ?? Number.MAX_SAFE_INTEGER, deps.config.conversions.maxAttempts);
  const notBefore = now + backoffMs(conversion.attempt, retryAfterMs);
  if (!attemptsLeft) {
    await deps.conversions.fail(lease, code, now);
    return;
  }
  if (notBefore >= conversion.deadlineAt) {
    // No attempt fits in any more: the row waits for its deadline and ends as expired, which is what it will be.
    await deps.conversions.requeue(lease, { notBefore, cause: code, now, outboxId: newId("obx", now) });
    return;
  }
  const outboxId = newId("obx", now);
  if (await deps.conversions.requeue(lease, { notBefore, cause: code, now, outboxId })) {
    await deps.jobs.sendConversion(conversion.id, { delaySeconds: Math.ceil((notBefore - now) / 1000) });
    await deps.outbox.settle(outboxId);
  }
}
