import type { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import type { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import type { AuditEvent } from "../../../src/kernel/audit.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { CONVERSION_STATUSES } from "../../../src/modules/conversions/conversion.ts";
import type { Lease, StoredResult } from "../../../src/modules/conversions/repository.ts";
import { imageKeys } from "../../../src/modules/images/object-keys.ts";
import { auditEvent, conversionInput, createConditions, newConversion } from "../../factories.ts";
import { insertImage, insertUser } from "../support/database.ts";

export const NOW = Date.UTC(2026, 10, 30);
export const first = { limit: 20, afterKey: null };
export const next = (prefix: "cnv" | "img" | "usr" | "aud" | "dlt") => ({ limit: 20, afterKey: newId(prefix, NOW) });

/** Calls in turn: what a statement does matters less than that it is sent. */
export async function each(...calls: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const call of calls) await call();
}

/** One call, or more, of each method: the compiler misses none. */
export type Calls<R> = { readonly [M in keyof R]: (repository: R) => Promise<unknown> };

export const event = (): AuditEvent => auditEvent();
const lease: Lease = { conversionId: "c", userId: "u", token: "t" };
const result: StoredResult = {
  ...{ imageId: "i", mime: "image/png", bytes: 1, width: 1, height: 1, sha256: "00" },
  ...{ provider: "local", model: "m", degraded: false },
};
const claim = { now: NOW, leaseMs: 1, maxAttempts: 4 };

export const conversions: Calls<ReturnType<typeof createD1ConversionRepository>> = {
  async create(repository) {
    const userId = await insertUser();
    const conversion = newConversion(userId, conversionInput(await insertImage(userId)));
    const record = { operation: "o", key: "k", fingerprint: "f", conversionId: conversion.id, status: 202, body: "" };
    const idempotency = { ...record, lockedUntil: 0, expiresAt: NOW };
    const conditions = createConditions(NOW, { idempotency, event: event(), cleanUpId: "o" });
    await repository.create(conversion, conditions);
    await repository.create(newConversion(userId, conversionInput("none")), createConditions(NOW));
    await repository.create(
      newConversion(userId, conversionInput("none")),
      createConditions(NOW, { maxConcurrent: 0 }),
    );
  },
  find: (repository) => repository.find("u", "c"),
  async list(repository) {
    for (const page of [first, next("cnv")]) {
      await repository.list("u", { status: null, kind: null }, page);
      await repository.list("u", { status: null, kind: "style" }, page);
      for (const status of CONVERSION_STATUSES) {
        await repository.list("u", { status, kind: null }, page);
        await repository.list("u", { status, kind: "tryon" }, page);
      }
    }
  },
  updateClientFields: (repository) =>
    repository.updateClientFields("u", "c", { title: "t" }, { expectedVersion: 1, now: NOW, event: event() }),
  cancel: (repository) => repository.cancel("u", "c", NOW, event()),
  remove: (repository) => repository.remove("u", "c", NOW, event()),
  findIdempotencyRecord: (repository) => repository.findIdempotencyRecord("u", "o", "k", NOW),
  answerIdempotencyKey: (repository) => repository.answerIdempotencyKey("u", "o", "k", { status: 1, body: "" }),
  inspect: (repository) => repository.inspect("c"),
  claim: (repository) =>
    each(
      () => repository.claim("c", { ...claim, attemptsSpent: false }),
      () => repository.claim("c", { ...claim, attemptsSpent: true }),
    ),
  renewLease: (repository) => repository.renewLease(lease, NOW),
  holdsLease: (repository) => repository.holdsLease(lease),
  advance: (repository) => repository.advance(lease, { stage: "storing", progress: 90 }, { now: NOW, leaseMs: 1 }),
  requeue: (repository) =>
    repository.requeue(lease, {
      ...{ notBefore: NOW, cause: "c", failure: null, keepAttempt: true, now: NOW },
      outboxId: "o",
    }),
  succeed: (repository) =>
    repository.succeed(lease, result, {
      ...{ now: NOW, answerOutboxId: "o" },
      times: { fetching: 1, generating: 1, encoding: 1, storing: 1 },
    }),
  fail: (repository) => repository.fail(lease, "no_image", NOW),
  failUndelivered: (repository) => repository.failUndelivered("c", "delivery_exhausted", NOW),
  queuePositions: (repository) => repository.queuePositions(["c", "d"], 100),
  expire: (repository) => repository.expire("c", NOW),
  listOverdue: (repository) =>
    each(
      () => repository.listOverdue("u", NOW, 10),
      () => repository.listOverdue(null, NOW, 10),
    ),
  listWakes: (repository) => repository.listWakes(NOW, 10),
};

export const images: Calls<ReturnType<typeof createD1ImageRepository>> = {
  async insert(repository) {
    const image = { ...result, id: newId("img", NOW), userId: "u", kind: "person", createdAt: NOW } as const;
    const { imageId: _, provider: _p, model: _m, degraded: _d, ...row } = { ...image, ...imageKeys("u", image.id) };
    await repository.insert(row, "o", event());
  },
  find: (repository) => repository.find("u", "i"),
  findAny: (repository) => repository.findAny("i"),
  async list(repository) {
    for (const page of [first, next("img")]) {
      for (const kind of [null, "person", "garment", "style"] as const) await repository.list("u", kind, page);
    }
  },
  async remove(repository) {
    const userId = await insertUser();
    await repository.remove(userId, await insertImage(userId), NOW, event());
  },
};
