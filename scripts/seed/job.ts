/** One conversion as the service would have written it, step by step, as far as time has come. */
import type {
  conversionEvents,
  conversions,
  images,
  providerCalls,
  quotaLedger,
} from "../../src/db/d1/schema/index.ts";
import { dayOf, monthOf } from "../../src/kernel/clock.ts";
import { resultImageId } from "../../src/kernel/ids.ts";
import {
  type ConversionInput,
  LEASE_MS,
  resultKeys,
  type WorkStage,
} from "../../src/modules/conversions/conversion.ts";
import type { FailureCode } from "../../src/modules/conversions/failures.ts";
import type { CallOutcome } from "../../src/modules/conversions/provider-calls.ts";
import { StageClock } from "../../src/modules/conversions/service/stage-clock.ts";
import type { StageTimes } from "../../src/modules/conversions/stage-timings.ts";
import type { GenerationFailure, GenerationUsage, ProviderId } from "../../src/ports/image-generator.ts";
import type { Random } from "./random.ts";

export const DEADLINE_MS = 10 * 60_000;
/** How often a running job looks how far it has come, and after how long without a write it renews its lease. */
const BEAT_MS = 2_000;
const RENEW_MS = 10_000;

export type ConversionRow = typeof conversions.$inferInsert;
export type EventRow = typeof conversionEvents.$inferInsert;
export type CallRow = typeof providerCalls.$inferInsert;
export type ImageRow = typeof images.$inferInsert;
export type LedgerRow = typeof quotaLedger.$inferInsert;
export type Picture = Pick<ImageRow, "mime" | "bytes" | "width" | "height" | "sha256">;
export type End = "succeeded" | "failed" | "canceled" | "expired";

export interface Made {
  readonly provider: ProviderId;
  readonly model: string;
  readonly degraded: boolean;
  readonly picture: Picture;
  /** Of the result; null for never. */
  readonly retentionMs: number | null;
}

export interface NewJob {
  readonly userId: string;
  readonly input: ConversionInput;
  readonly title: string | null;
  readonly metadata: Record<string, string>;
  readonly retryOf: string | null;
  readonly createdAt: number;
}

/**
 * A conversion and what belongs to it. Each step has a time, and none happens after `until`: a job that is not over by
 * then is queued or processing. Times of steps never fall.
 */
export class Job {
  readonly row: ConversionRow;
  readonly events: EventRow[] = [];
  readonly calls: CallRow[] = [];
  readonly ledger: LedgerRow;
  result: ImageRow | null = null;
  end: End | null = null;
  /** What the stages of the attempt that succeeded took. */
  times: StageTimes | null = null;
  readonly #random: Random;
  readonly #until: number;
  #stages: StageClock | null = null;
  #renewedAt = 0;

  constructor(random: Random, until: number, job: NewJob) {
    this.#random = random;
    this.#until = until;
    const { userId, createdAt } = job;
    const { outputMime, ...input } = job.input;
    const id = random.id("cnv", createdAt);
    const times = { notBefore: createdAt, wakeAt: createdAt, createdAt, updatedAt: createdAt };
    this.row = {
      ...input,
      ...times,
      id,
      userId,
      outputFormat: outputMime,
      status: "queued",
      stage: "queued",
      progress: 0,
      degraded: false,
      attempt: 0,
      title: job.title,
      metadata: job.metadata,
      favorite: false,
      retryOf: job.retryOf,
      origin: { requestId: random.uuid(), traceparent: `00-${random.hex(4)}-${random.hex(2)}-01` },
      version: 1,
      // Each write has its own; only the last one's is ever seen.
      writeId: random.uuid(),
      deadlineAt: createdAt + DEADLINE_MS,
    };
    const period = monthOf(createdAt);
    this.ledger = {
      conversionId: id,
      userId,
      period,
      bucket: "plan",
      units: 1,
      state: "reserved",
      reservedAt: createdAt,
    };
    this.#tell(createdAt, "conversion.queued", "created");
  }

  get id(): string {
    return this.row.id;
  }

  /** A write of the service. @returns false, having done nothing, when its time has not come. */
  #write(at: number, changes: Partial<ConversionRow>): boolean {
    if (at > this.#until) return false;
    Object.assign(this.row, changes);
    this.row.updatedAt = at;
    this.row.version += 1;
    return true;
  }

  #tell(at: number, type: string, cause: string): void {
    const { id, version, status, stage, progress } = this.row;
    this.events.push({ conversionId: id, version, type, status, stage: stage ?? null, progress, cause, at });
  }

  /** A worker takes it. `spent`: to finish it only, since its attempts are used up. */
  claim(at: number, usual: StageTimes, { spent = false }: { readonly spent?: boolean } = {}): boolean {
    const { row } = this;
    const attempt = { attempt: row.attempt + (spent ? 0 : 1), startedAt: row.startedAt ?? at };
    const taken = { status: "processing", stage: "fetching", lease: this.#random.uuid(), ...this.#leased(at) } as const;
    if (!this.#write(at, { ...taken, ...attempt })) return false;
    this.#tell(at, "conversion.processing", "claimed by a worker");
    this.#stages = new StageClock(usual, row.progress, at);
    return true;
  }

  #leased(at: number) {
    this.#renewedAt = at;
    return { leaseUntil: at + LEASE_MS, wakeAt: at + LEASE_MS };
  }

  #advance(at: number, stage: WorkStage, progress: number): boolean {
    if (!this.#write(at, { stage, progress: Math.max(this.row.progress, progress), ...this.#leased(at) })) return false;
    this.#tell(at, "conversion.progress", stage);
    return true;
  }

  /** Goes through a stage, with a step whenever progress is one further. @returns its end, or null before it. */
  pass(stage: WorkStage, from: number, durationMs: number): number | null {
    const stages = this.#stages as StageClock;
    if (stage !== "fetching" && !this.#advance(from, stage, stages.enter(stage, from))) return null;
    const end = from + durationMs;
    for (let at = from + BEAT_MS; at < Math.min(end, this.#until); at += BEAT_MS) {
      const progress = stages.step(at);
      if (progress !== null) this.#advance(at, stage, progress);
      else if (at - this.#renewedAt >= RENEW_MS) Object.assign(this.row, this.#leased(at));
    }
    return end > this.#until ? null : end;
  }

  /** A call on record; one that has not ended by now is under way, and counts what it is expected to cost. */
  call(
    provider: ProviderId,
    model: string,
    { startedAt, endedAt }: { readonly startedAt: number; readonly endedAt: number },
    end: {
      readonly outcome: Exclude<CallOutcome, "pending">;
      readonly usage: GenerationUsage | null;
      readonly costMicros: number;
      readonly expectedMicros: number;
    },
  ): void {
    if (startedAt > this.#until) return;
    const about = { id: this.#random.id("pcl", startedAt), conversionId: this.id, day: dayOf(startedAt) };
    const call = { ...about, provider, model, attempt: this.row.attempt, startedAt };
    if (endedAt > this.#until) {
      this.calls.push({ ...call, outcome: "pending", costMicros: end.expectedMicros });
      return;
    }
    const { outcome, usage, costMicros } = end;
    const tokens = { promptTokens: usage?.promptTokens ?? null, outputTokens: usage?.outputTokens ?? null };
    this.calls.push({ ...call, outcome, ...tokens, costMicros, endedAt });
  }

  /** Back into the queue after a failed attempt. */
  requeue(at: number, cause: FailureCode, failure: GenerationFailure, notBefore: number): boolean {
    const waiting = {
      status: "queued",
      stage: "queued",
      lease: null,
      leaseUntil: null,
      notBefore,
      wakeAt: notBefore,
    } as const;
    if (!this.#write(at, { ...waiting, lastFailure: failure })) return false;
    this.#tell(at, "conversion.queued", cause);
    return true;
  }

  #finish(at: number, end: End, cause: string, changes: Partial<ConversionRow>): boolean {
    const over = { status: end, stage: null, lease: null, leaseUntil: null, completedAt: at };
    if (!this.#write(at, { ...over, ...changes })) return false;
    this.#tell(at, `conversion.${end}`, cause);
    this.end = end;
    this.ledger.state = end === "succeeded" ? "committed" : "released";
    this.ledger.settledAt = at;
    return true;
  }

  succeed(at: number, { provider, model, degraded, picture, retentionMs }: Made): boolean {
    const imageId = resultImageId(this.id);
    const made = { progress: 100, resultImageId: imageId, providerUsed: provider, model, degraded };
    if (!this.#finish(at, "succeeded", "result stored", made)) return false;
    const { original: originalKey, thumbnail: thumbnailKey } = resultKeys(this.id);
    const keys = { originalKey, thumbnailKey };
    const expiresAt = retentionMs === null ? null : at + retentionMs;
    this.result = {
      id: imageId,
      userId: this.row.userId,
      kind: "result",
      ...picture,
      ...keys,
      createdAt: at,
      expiresAt,
    };
    this.times = (this.#stages as StageClock).spent(at);
    return true;
  }

  fail(at: number, code: FailureCode): boolean {
    return this.#finish(at, "failed", code, { errorCode: code });
  }

  cancel(at: number): boolean {
    return this.#finish(at, "canceled", "canceled by the user", {});
  }

  expire(at: number): boolean {
    return this.#finish(at, "expired", "deadline passed", {});
  }

  /** The owner marks it; no event of the conversion's own. */
  favor(at: number): boolean {
    return this.#write(at, { favorite: true });
  }

  /** The owner deletes it, and its result with it. */
  remove(at: number): boolean {
    if (!this.#write(at, { deletedAt: at })) return false;
    if (this.result !== null) Object.assign(this.result, { deletedAt: at, expiresAt: at });
    return true;
  }

  /** Retention takes the result, if it is still there. */
  retire(at: number): boolean {
    if (this.result === null || (this.result.deletedAt ?? null) !== null) return false;
    if (!this.#write(at, { dataRemoved: true })) return false;
    this.result.deletedAt = at;
    return true;
  }
}
