import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { type AuditEvent, type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { monthOf } from "../../../kernel/clock.ts";
import { newId } from "../../../kernel/ids.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { deleteImageObjects, type NewImage } from "../../images/index.ts";
import { candidates } from "../candidates.ts";
import type { Conversion, ConversionInput } from "../conversion.ts";
import { isTerminal } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import type { IdempotencyRecord, NewConversion } from "../repository.ts";
import { serializeConversion } from "../serialize.ts";
import { expireOverdue } from "./expire-overdue.ts";
import { waitForEnd } from "./wait-for-end.ts";

/** How long a key keeps its answer. */
const KEY_TTL_MS = 24 * 60 * 60_000;
/** The creator sends the queue message itself; after this long the sweeper does. */
const OUTBOX_GRACE_MS = 15_000;

export interface CreateCommand {
  readonly input: ConversionInput;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryOf: string | null;
  /** An admin orders this in the owner's name: the owner's images, the owner's unit, the admin's deed. */
  readonly replay?: { readonly ownerId: string; readonly deadLetterId: string };
  /** Images uploaded with this request: their objects are stored, their rows are not. */
  readonly newImages: readonly NewImage[];
  /** The promise to delete those objects again unless the conversion comes into being; null without any. */
  readonly cleanUpId: string | null;
  readonly idempotency: { readonly operation: string; readonly key: string; readonly fingerprint: string } | null;
  readonly audit: AuditStamp;
  /** 0–25; how long the caller is ready to wait for the end. */
  readonly waitSeconds: number;
}

export interface CreateAnswer {
  readonly conversionId: string;
  /** 201 when it ended while the caller waited, otherwise 202. */
  readonly status: number;
  /** The conversion as JSON text, kept as it is for replays. */
  readonly body: string;
  readonly replayed: boolean;
}

/** The answer a known key was given, or the reason why there is none for this request. */
export function replayAnswer(record: IdempotencyRecord, fingerprint: string, now: number): CreateAnswer {
  if (record.fingerprint !== fingerprint) throw new AppError("idempotency_mismatch");
  if (record.lockedUntil > now) throw new AppError("idempotency_in_flight", { retryAfterSeconds: 1 });
  return { conversionId: record.conversionId, status: record.status, body: record.body, replayed: true };
}

function assertProvider(deps: Pick<ConversionsDeps, "config">, input: ConversionInput): void {
  const { available } = deps.config.providers;
  const isServed = (wish: typeof input) => candidates(deps.config, wish).some((id) => available.includes(id));
  if (isServed(input)) return;
  const orElse = isServed({ ...input, fallback: "allow" }) ? '; or send fallback: "allow"' : "";
  throw invalidField(
    "provider",
    "provider_unavailable",
    `This provider is not set up here. Available: ${available.join(", ")}${orElse}.`,
  );
}

function asCreated(conversion: NewConversion, period: string): Conversion {
  return {
    ...conversion,
    status: "queued",
    stage: "queued",
    progress: 0,
    providerUsed: null,
    model: null,
    degraded: false,
    attempt: 0,
    notBefore: conversion.createdAt,
    result: null,
    errorCode: null,
    lastFailure: null,
    dataRemoved: false,
    expiresAt: null,
    usage: { units: 1, state: "reserved", period },
    favorite: false,
    version: 1,
    startedAt: null,
    completedAt: null,
    updatedAt: conversion.createdAt,
  };
}

/**
 * Creates a conversion and hands it to the queue. Unit, row, event, outbox entry, uploaded images and idempotency
 * record are one transaction; the queue message follows it, and the sweeper sends it where this process could not.
 */
export async function createConversion(
  deps: ConversionsDeps,
  actor: Actor,
  command: CreateCommand,
): Promise<CreateAnswer> {
  const now = deps.clock.now();
  assertProvider(deps, command.input);
  const conversion: NewConversion = {
    id: newId("cnv", now),
    userId: command.replay?.ownerId ?? actor.userId,
    input: command.input,
    title: command.title,
    metadata: command.metadata,
    retryOf: command.retryOf,
    origin: deps.origin,
    createdAt: now,
    deadlineAt: now + deps.config.conversions.deadlineMs,
  };
  const body = JSON.stringify(await serializeConversion(deps, asCreated(conversion, monthOf(now))));
  const event = doneBy(actor, command.audit, now, {
    subject: { userId: conversion.userId },
    detail: { conversion: conversion.id },
  });
  const replay = await insert(deps, conversion, { ...command, event }, body);
  return replay ?? answerWhenDone(deps, actor, conversion.id, command, body);
}

/** Cleans up at once after a refusal; where this is cut off, the promise in the outbox does it later. */
function discardUploads(deps: ConversionsDeps, command: CreateCommand): void {
  const { cleanUpId, newImages } = command;
  if (cleanUpId === null) return;
  deps.background(deleteImageObjects(deps, newImages).then(() => deps.outbox.settle(cleanUpId)));
}

/** @returns null when created, the answer to replay when another request with the same key was first. */
async function insert(
  deps: ConversionsDeps,
  conversion: NewConversion,
  command: CreateCommand & { readonly event: AuditEvent },
  body: string,
): Promise<CreateAnswer | null> {
  const { id, createdAt, userId } = conversion;
  const outboxId = newId("obx", createdAt);
  const conditions = {
    period: monthOf(createdAt),
    defaultMonthlyUnits: deps.config.conversions.freeMonthlyUnits,
    maxConcurrent: deps.config.conversions.maxConcurrent,
    newImages: command.newImages,
    cleanUpId: command.cleanUpId,
    event: command.event,
    replay: command.replay ? { deadLetterId: command.replay.deadLetterId, adminId: command.event.actorId } : null,
    outboxId,
    outboxDueAt: createdAt + OUTBOX_GRACE_MS,
    idempotency: command.idempotency && {
      ...command.idempotency,
      conversionId: id,
      status: 202,
      body,
      lockedUntil: command.waitSeconds > 0 ? createdAt + command.waitSeconds * 1000 + 5_000 : 0,
      expiresAt: createdAt + KEY_TTL_MS,
    },
  };
  let outcome = await deps.conversions.create(conversion, conditions);
  if (outcome.kind === "quota_exceeded" && (await expireOverdue(deps, userId)) > 0) {
    outcome = await deps.conversions.create(conversion, conditions);
  }
  if (outcome.kind !== "created") discardUploads(deps, command);
  switch (outcome.kind) {
    case "created":
      deps.background(
        deps.jobs.sendConversion(id, { origin: deps.origin }).then(() => deps.outbox.settleSoon(outboxId)),
      );
      return null;
    case "known_key":
      return replayAnswer(outcome.record, command.idempotency?.fingerprint ?? "", deps.clock.now());
    case "not_admin":
      throw new AppError("forbidden");
    case "already_replayed":
      throw new AppError("invalid_transition", { detail: "This conversion was replayed already." });
    case "image_not_found":
      throw new AppError("image_not_found");
    case "concurrency_limit":
      throw new AppError("concurrency_limit", { retryAfterSeconds: 5 });
    case "quota_exceeded":
      throw new AppError("quota_exceeded");
  }
}

async function answerWhenDone(
  deps: ConversionsDeps,
  actor: Actor,
  id: string,
  command: CreateCommand,
  created: string,
): Promise<CreateAnswer> {
  if (command.waitSeconds === 0) return { conversionId: id, status: 202, body: created, replayed: false };
  const conversion = await waitForEnd(deps, actor, id, command.waitSeconds * 1000);
  const status = conversion && isTerminal(conversion.status) ? 201 : 202;
  const body = conversion ? JSON.stringify(await serializeConversion(deps, conversion)) : created;
  if (command.idempotency) {
    const { operation, key } = command.idempotency;
    await deps.conversions.answerIdempotencyKey(actor.userId, operation, key, { status, body });
  }
  return { conversionId: id, status, body, replayed: false };
}
