import { describeError } from "../../../kernel/describe-error.ts";
import { sweepPart } from "../../../kernel/sweep-part.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { expireOverdue } from "./expire-overdue.ts";

/** Sweeps come once a minute; a row due before the next one is looked after by this one. */
const SWEEP_INTERVAL_MS = 60_000;
/** How long the ordinary message of a queued row may be late before a spare one follows. */
const LATE_MS = 5_000;
const BATCH = 200;
/** An entry takes up to three calls of D1, and the other parts some five hundred; an invocation may make a thousand. */
const OUTBOX_BATCH = 150;
/** Longer than any call lasts. */
const LOST_CALL_MS = 60 * 60_000;
/** What fails makes way for what is behind it, until the next sweep. */
const POSTPONED_MS = 30_000;
const TOPICS = ["conversion.run", "objects.delete"] as const;

export interface SweepReport {
  readonly expired: number;
  readonly outboxDone: number;
  readonly sparesSent: number;
  readonly callsLost: number;
}

/**
 * Mends what a crash or the queue lost. The queue is only a hint, so every active conversion gets a spare message
 * timed for when its own message or lease will be overdue; a spare that turns out needless claims nothing.
 */
export async function sweepConversions(deps: ConversionWorkerDeps): Promise<SweepReport> {
  return {
    expired: await sweepPart(deps, "expire", () => expireOverdue(deps, null, BATCH)),
    outboxDone: await sweepPart(deps, "outbox", () => drainOutbox(deps)),
    sparesSent: await sweepPart(deps, "spares", () => sendSpares(deps)),
    callsLost: await sweepPart(deps, "calls", () => settleLostCalls(deps)),
  };
}

async function drainOutbox(deps: ConversionWorkerDeps): Promise<number> {
  let done = 0;
  for (const entry of await deps.outbox.listDue(TOPICS, deps.clock.now(), OUTBOX_BATCH)) {
    try {
      if (entry.topic === "conversion.run") await sendPromised(deps, entry.payload.conversionId);
      else await deps.objects.delete(entry.payload.keys);
      await deps.outbox.settle(entry.id);
      done++;
    } catch (error) {
      deps.logger.log("error", "outbox entry failed", {
        outboxId: entry.id,
        topic: entry.topic,
        cause: describeError(error),
      });
      await deps.outbox.postpone(entry.id, deps.clock.now() + POSTPONED_MS);
    }
  }
  return done;
}

async function sendPromised(deps: ConversionWorkerDeps, id: string): Promise<void> {
  const found = await deps.conversions.inspect(id);
  await deps.jobs.sendConversion(id, { origin: found?.origin ?? null });
}

async function sendSpares(deps: ConversionWorkerDeps): Promise<number> {
  const now = deps.clock.now();
  const due = await deps.conversions.listWakes(now + SWEEP_INTERVAL_MS - LATE_MS, BATCH);
  for (const { id, wakeAt, origin } of due) {
    const spareAt = Math.max(now, wakeAt + LATE_MS);
    await deps.jobs.sendConversion(id, { delaySeconds: Math.ceil((spareAt - now) / 1000), origin });
  }
  return due.length;
}

/** Calls whose worker died: what they were expected to cost is what they have cost, as far as anybody knows. */
async function settleLostCalls(deps: ConversionWorkerDeps): Promise<number> {
  const lost = await deps.calls.listPending(deps.clock.now() - LOST_CALL_MS, BATCH);
  for (const { id, startedAt } of lost) {
    // Nobody knows how long it took.
    await deps.calls.settle(id, { outcome: "aborted", usage: null, free: false, endedAt: startedAt });
  }
  return lost.length;
}
