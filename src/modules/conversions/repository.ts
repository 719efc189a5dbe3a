import type { AuditEvent } from "../../kernel/audit.ts";
import type { Page, PageRequest } from "../../kernel/page.ts";
import type { Origin } from "../../kernel/trace-context.ts";
import type { ImageMime } from "../../ports/image-codec.ts";
import type { GenerationFailure, ProviderId } from "../../ports/image-generator.ts";
import type { Image, NewImage } from "../images/index.ts";
import type { Conversion, ConversionInput, ConversionKind, ConversionStage, ConversionStatus } from "./conversion.ts";
import type { FailureCode } from "./failures.ts";
import type { StageTimes } from "./stage-timings.ts";

export interface NewConversion {
  readonly id: string;
  readonly userId: string;
  readonly input: ConversionInput;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryOf: string | null;
  readonly origin: Origin | null;
  readonly createdAt: number;
  readonly deadlineAt: number;
}

/** What an Idempotency-Key stands for and was answered with. */
export interface IdempotencyRecord {
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly conversionId: string;
  readonly status: number;
  readonly body: string;
  /** Until then the first request may still be waiting for its result. */
  readonly lockedUntil: number;
  readonly expiresAt: number;
}

export interface CreateConditions {
  /** The period the unit is taken from, and how many units the plan gives where it says nothing itself. */
  readonly period: string;
  readonly defaultMonthlyUnits: number;
  readonly maxConcurrent: number;
  /** Images uploaded with the request; their rows exist only if the conversion does. */
  readonly newImages: readonly NewImage[];
  /** The promise to delete those images' objects, settled with the creation; null when there are none. */
  readonly cleanUpId: string | null;
  readonly idempotency: IdempotencyRecord | null;
  /** For the user's audit log, with the creation. */
  readonly event: AuditEvent | null;
  /** The dead letter whose conversion this one takes the place of, by an admin's order; null for any other. */
  readonly replay: { readonly deadLetterId: string; readonly adminId: string } | null;
  /** The outbox row that stands for the first queue message, left to the creator until `outboxDueAt`. */
  readonly outboxId: string;
  readonly outboxDueAt: number;
}

export type CreateOutcome =
  | { readonly kind: "created" }
  | { readonly kind: "known_key"; readonly record: IdempotencyRecord }
  | { readonly kind: "image_not_found"; readonly imageId: string }
  /** The admin has ceased to be one. */
  | { readonly kind: "not_admin" }
  | { readonly kind: "already_replayed" }
  | { readonly kind: "concurrency_limit" }
  | { readonly kind: "quota_exceeded" };

export interface ConversionFilter {
  readonly status: ConversionStatus | null;
  readonly kind: ConversionKind | null;
}

export interface ClientFields {
  readonly title?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly favorite?: boolean;
}

/** Proof of holding a job: every write of a worker is conditional on it. */
export interface Lease {
  readonly conversionId: string;
  readonly userId: string;
  readonly token: string;
}

export interface ClaimOptions {
  readonly now: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly attemptsSpent: boolean;
}

/** An input's picture: what it is, and where. */
export type SourceRecord = Pick<Image, "originalKey" | "mime" | "width" | "height">;

/** What a worker begins with. */
export interface Claim {
  readonly lease: Lease;
  readonly conversion: Conversion;
  /** Its inputs by id, without those that are gone. */
  readonly sources: ReadonlyMap<string, SourceRecord>;
  /** How long its kind takes each provider, where that has been measured. */
  readonly times: ReadonlyMap<ProviderId, StageTimes>;
}

export interface SuccessOptions {
  readonly now: number;
  /** Null where no provider's answer is kept. */
  readonly answerOutboxId: string | null;
  /** For what its kind and provider usually take; null, or none, where not all of the work was done in this run. */
  readonly times?: StageTimes | null;
}

export interface StoredResult {
  readonly imageId: string;
  readonly mime: ImageMime;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  readonly sha256: string;
  readonly provider: ProviderId;
  readonly model: string;
  readonly degraded: boolean;
}

export interface RequeueOptions {
  readonly notBefore: number;
  readonly cause: string;
  /** Null where the provider is not to blame, or was not asked. */
  readonly failure: GenerationFailure | null;
  /** The attempt did not come to a call: it is not counted. */
  readonly keepAttempt: boolean;
  readonly now: number;
  readonly outboxId: string;
}

/** An active conversion, when it needs looking at, and where it came from. */
export interface Wake extends Pick<Conversion, "id" | "origin"> {
  readonly wakeAt: number;
}

export type EndStatus = "failed" | "canceled" | "expired";

/**
 * Conversions, their events, their quota units and their idempotency keys. Each verb is one atomic write with its
 * guard in the statement: of racing callers exactly one wins, and events and ledger change with the row or not at all.
 */
export interface ConversionRepository {
  /** Creates, reserves one unit, writes the first event, the outbox row and the idempotency record, or does nothing. */
  create(conversion: NewConversion, conditions: CreateConditions): Promise<CreateOutcome>;
  find(userId: string, id: string): Promise<Conversion | null>;
  list(userId: string, filter: ConversionFilter, page: PageRequest): Promise<Page<Conversion>>;
  /** @returns "stale" when `expectedVersion` is given and not the present one; null when there is no such conversion. */
  updateClientFields(
    userId: string,
    id: string,
    fields: ClientFields,
    options: { readonly expectedVersion: number | null; readonly now: number; readonly event?: AuditEvent },
  ): Promise<"updated" | "stale" | null>;
  /** Settles an active conversion as canceled and releases its unit. @returns false when it is not active. */
  cancel(userId: string, id: string, now: number, event?: AuditEvent): Promise<boolean>;
  /** Tombstones; an active conversion is canceled and its unit released. @returns the id of the outbox row, or null. */
  remove(userId: string, id: string, now: number, event?: AuditEvent): Promise<{ readonly outboxId: string } | null>;

  findIdempotencyRecord(userId: string, operation: string, key: string, now: number): Promise<IdempotencyRecord | null>;
  /** Replaces the answer to replay and unlocks the key. */
  answerIdempotencyKey(
    userId: string,
    operation: string,
    key: string,
    answer: { status: number; body: string },
  ): Promise<void>;

  /** As {@link find} for workers: whoever owns it, deleted ones included. */
  inspect(id: string): Promise<(Conversion & { readonly leaseUntil: number | null; readonly deleted: boolean }) | null>;
  /**
   * Takes the job: a queued one that is due, or a processing one whose lease ran out. Counts an attempt; with
   * `attemptsSpent` it takes only a job that has none left, counting none, so that its stored result can be adopted.
   */
  claim(id: string, options: ClaimOptions): Promise<Claim | null>;
  /** @returns false when the lease is no longer ours. */
  renewLease(lease: Lease, until: number): Promise<boolean>;
  /** A read, cheaper than a renewal. @returns false when the lease is no longer ours. */
  holdsLease(lease: Lease): Promise<boolean>;
  /**
   * Moves to a stage and to `progress`, where that is further than before; raises `version` and renews the lease.
   * @returns false when the lease is no longer ours.
   */
  advance(
    lease: Lease,
    to: { readonly stage: ConversionStage; readonly progress: number },
    options: { readonly now: number; readonly leaseMs: number },
  ): Promise<boolean>;
  /** Back to queued, not before `notBefore`. @returns false when the lease is no longer ours. */
  requeue(lease: Lease, options: RequeueOptions): Promise<boolean>;
  /**
   * Ends with a result: image row, committed unit, the promise to delete the provider's answer where there is one, and
   * how long it took as a sample of what is usual.
   * @returns false when the lease is no longer ours or time is up.
   */
  succeed(lease: Lease, result: StoredResult, options: SuccessOptions): Promise<boolean>;
  /** Ends with an error under the lease, releasing the unit. @returns false when the lease is no longer ours. */
  fail(lease: Lease, code: FailureCode, now: number): Promise<boolean>;
  /**
   * Ends a conversion whose message the queue gave up on. One that a worker holds, or that waits for its next attempt,
   * is left alone: another message is under way. @returns false when it was left alone or had ended.
   */
  failUndelivered(id: string, code: FailureCode, now: number): Promise<boolean>;
  /** How many conversions wait before each of these queued ones, counted up to `max`; those not queued are left out. */
  queuePositions(ids: readonly string[], max: number): Promise<ReadonlyMap<string, number>>;
  /** Settles as expired when active and past its deadline. @returns false when it is neither. */
  expire(id: string, now: number): Promise<boolean>;
  /** Ids of active conversions past their deadline, of one user or of all, at most `limit`. */
  listOverdue(userId: string | null, now: number, limit: number): Promise<readonly string[]>;
  /** Active conversions that need looking at before `before` (message due or lease run out), oldest first. */
  listWakes(before: number, limit: number): Promise<readonly Wake[]>;
}
