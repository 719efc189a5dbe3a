import { eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { createD1AccountErasure } from "../../../src/db/d1/repositories/account-erasure.ts";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1Housekeeping } from "../../../src/db/d1/repositories/housekeeping.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { createD1Retention } from "../../../src/db/d1/repositories/retention.ts";
import { createD1UserRepository } from "../../../src/db/d1/repositories/users.ts";
import { businessCounters, images, quotaLedger, verificationTokens } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { ConversionInput } from "../../../src/modules/conversions/conversion.ts";
import type {
  CreateConditions,
  IdempotencyRecord,
  NewConversion,
} from "../../../src/modules/conversions/repository.ts";
import { auditEvent, conversionInput, createConditions, newConversion } from "../../factories.ts";
import { d1, db, insertImage, insertUser } from "../support/database.ts";
import { counters, grown, storedResult, times } from "./support.ts";

const NOW = Date.UTC(2026, 10, 15, 12);
const CLAIM = { now: NOW, leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false };
const CREATED = { 'conversions_created_total["style"]': 1, 'quota_units_total["reserved"]': 1 };
const repository = d1.conversions;
const users = createD1UserRepository(db);
const calls = createD1ProviderCalls(db);
const letters = createD1DeadLetters(db);

async function owner() {
  const userId = await insertUser();
  return { userId, personImageId: await insertImage(userId) };
}

async function create(
  input: Partial<ConversionInput> = {},
  change: Partial<NewConversion> = {},
  by: Awaited<ReturnType<typeof owner>> | undefined = undefined,
) {
  const { userId, personImageId } = by ?? (await owner());
  const made = newConversion(userId, conversionInput(personImageId, input), { createdAt: NOW, ...change });
  expect(await repository.create(made, createConditions(NOW))).toEqual({ kind: "created" });
  return { userId, id: made.id };
}

async function claim(id: string) {
  const claimed = await repository.claim(id, CLAIM);
  if (claimed === null) throw new Error("the stage could not claim its conversion");
  return claimed.lease;
}

const ended = (status: string, provider: string, unit: "committed" | "released") => ({
  [`conversions_total["style","${provider}","${status}"]`]: 1,
  [`quota_units_total["${unit}"]`]: 1,
});

describe("a conversion is counted when it is created", () => {
  it("once, however many requests with its key race, and none that is refused", async () => {
    const { userId, personImageId } = await owner();
    const record = { operation: "conversions.create", key: "k", fingerprint: "f", status: 202, body: "{}" };
    const once = (made: NewConversion): IdempotencyRecord => {
      return { ...record, conversionId: made.id, lockedUntil: 0, expiresAt: NOW + 86_400_000 };
    };
    const attempt = (change: (made: NewConversion) => Partial<CreateConditions>, image = personImageId) => {
      const made = newConversion(userId, conversionInput(image), { createdAt: NOW });
      return repository.create(made, createConditions(NOW, change(made)));
    };
    const growth = await grown(async () => {
      const outcomes = await times(30, () => attempt((made) => ({ idempotency: once(made) })));
      expect(outcomes.filter(({ kind }) => kind === "created")).toHaveLength(1);
      expect(await attempt(() => ({ defaultMonthlyUnits: 0 }))).toEqual({ kind: "quota_exceeded" });
      expect(await attempt(() => ({ maxConcurrent: 1 }))).toEqual({ kind: "concurrency_limit" });
      expect(await attempt(() => ({}), "img_none")).toMatchObject({ kind: "image_not_found" });
    });
    expect(growth).toEqual(CREATED);
  });

  it("not when its transaction breaks off at the end", async () => {
    const { userId, personImageId } = await owner();
    const taken = auditEvent();
    const conditions = () => createConditions(NOW, { event: taken });
    const attempt = () => repository.create(newConversion(userId, conversionInput(personImageId)), conditions());
    expect(await grown(attempt)).toEqual(CREATED);
    expect(await grown(() => expect(attempt()).rejects.toThrow())).toEqual({});
  });

  it("by its kind", async () => {
    const by = await owner();
    const garmentImageId = await insertImage(by.userId, { kind: "garment" });
    const growth = await grown(() => create({ kind: "tryon", stylePreset: null, garmentImageId }, {}, by));
    expect(growth).toEqual({ 'conversions_created_total["tryon"]': 1, 'quota_units_total["reserved"]': 1 });
  });
});

describe("a conversion is counted when it ends", () => {
  it("once, by the end that won, of fifty that race", async () => {
    const verbs = ["canceled", "expired", "succeeded", "failed", "removed", "undelivered"] as const;
    const won = new Set<string>();
    for (let round = 0; round < verbs.length; round++) {
      const { userId, id } = await create({}, { deadlineAt: NOW + 30_000 });
      const lease = await claim(id);
      const end = {
        canceled: () => repository.cancel(userId, id, NOW + 1),
        expired: () => repository.expire(id, NOW + 30_000),
        succeeded: () => repository.succeed(lease, storedResult(id), { now: NOW + 1, answerOutboxId: null }),
        failed: () => repository.fail(lease, "no_image", NOW + 1),
        removed: () => repository.remove(userId, id, NOW + 1),
        undelivered: () => repository.failUndelivered(id, "delivery_exhausted", NOW + 30_000),
      };
      const growth = await grown(() => times<unknown>(50, (i) => end[verbs[(round + i) % verbs.length] ?? "failed"]()));
      const status = (await repository.inspect(id))?.status ?? "";
      won.add(status);
      const provider = status === "succeeded" ? "local" : "default";
      expect(growth).toEqual(ended(status, provider, status === "succeeded" ? "committed" : "released"));
    }
    expect([...won].sort()).toEqual(["canceled", "expired", "failed", "succeeded"]);
  });

  it("under who made it, else who was asked for, else default", async () => {
    const asked = await create({ providerRequested: "gemini" });
    const lease = await claim(asked.id);
    const result = { ...storedResult(asked.id), provider: "workers-ai" } as const;
    const succeed = () => repository.succeed(lease, result, { now: NOW, answerOutboxId: newId("obx", NOW) });
    expect(await grown(succeed)).toEqual(ended("succeeded", "workers-ai", "committed"));
    const failing = await create({ providerRequested: "gemini" });
    const held = await claim(failing.id);
    expect(await grown(() => repository.fail(held, "no_image", NOW))).toEqual(ended("failed", "gemini", "released"));
    const any = await create();
    const cancel = () => repository.cancel(any.userId, any.id, NOW);
    expect(await grown(cancel)).toEqual(ended("canceled", "default", "released"));
  });

  it("with its unit only where that was still reserved", async () => {
    const { userId, id } = await create();
    await db.update(quotaLedger).set({ state: "released" }).where(eq(quotaLedger.conversionId, id));
    const growth = await grown(() => repository.cancel(userId, id, NOW));
    expect(growth).toEqual({ 'conversions_total["style","default","canceled"]': 1 });
  });

  it("and not by what does not end it", async () => {
    const { userId, id } = await create();
    const growth = await grown(async () => {
      const lease = await claim(id);
      await repository.advance(lease, { stage: "generating", progress: 50 }, { now: NOW, leaseMs: 30_000 });
      await repository.updateClientFields(userId, id, { title: "t" }, { expectedVersion: null, now: NOW });
      const back = { notBefore: NOW, cause: "no_image", failure: null, keepAttempt: false, now: NOW };
      await repository.requeue(lease, { ...back, outboxId: newId("obx", NOW) });
      await repository.cancel("usr_other", id, NOW);
      await repository.expire(id, NOW);
    });
    expect(growth).toEqual({});
  });
});

describe("an account that is deleted", () => {
  function deletion(userId: string) {
    const ids = { sessionsPromiseId: newId("obx", NOW), erasePromiseId: newId("obx", NOW) };
    return users.deleteAccount({ userId, event: auditEvent(), ...ids, aliases: [], now: NOW });
  }

  it("has its conversions counted as canceled, once each, while workers and requests end them too", async () => {
    const by = await owner();
    const [queued, held, done] = [await create({}, {}, by), await create({}, {}, by), await create({}, {}, by)];
    const lease = await claim(held.id);
    const succeed = async (of: typeof lease, id: string) =>
      repository.succeed(of, storedResult(id), { now: NOW, answerOutboxId: null });
    await succeed(await claim(done.id), done.id);
    const growth = await grown(() =>
      times(20, async (i) => {
        if (i % 3 === 0) await deletion(by.userId);
        else if (i % 3 === 1) await succeed(lease, held.id);
        else await repository.cancel(by.userId, queued.id, NOW);
      }),
    );
    expect(growth).toEqual({
      'conversions_total["style","default","canceled"]': 2,
      'quota_units_total["released"]': 2,
    });
    expect(await grown(() => deletion(by.userId))).toEqual({});
  });

  it("takes nothing off the counters when its rows go, nor do retention and housekeeping", async () => {
    const by = await owner();
    const { id } = await create({}, {}, by);
    await create({}, {}, by);
    await repository.succeed(await claim(id), storedResult(id), { now: NOW, answerOutboxId: null });
    const call = { id: newId("pcl", 1), conversionId: id, attempt: 1, provider: "gemini", model: "old" } as const;
    await calls.begin({ ...call, expectedMicros: 1, budgetMicros: null, startedAt: 1 });
    await calls.settle(call.id, { outcome: "success", usage: null, free: false, endedAt: 2 });
    await letters.record({ ...letter("gone"), receivedAt: 1 });
    await db.update(images).set({ expiresAt: 1 }).where(eq(images.userId, by.userId));
    const retention = createD1Retention(db);
    const erasure = createD1AccountErasure(db);
    await deletion(by.userId);
    const growth = await grown(async () => {
      await createD1Housekeeping(db).deleteExpired(NOW);
      await retention.removeExpired({ now: NOW, limit: 10, postponeTo: NOW, outboxId: newId("obx", NOW) });
      for (let left = await erasure.next(by.userId, 1); left.objectKeys.length > 0; ) {
        await erasure.eraseRows(by.userId, left);
        left = await erasure.next(by.userId, 1);
      }
      await erasure.eraseAccount(by.userId);
    });
    expect(growth).toEqual({});
    expect(await d1.countRows("conversions", by.userId)).toBe(0);
  });
});

it("an account is counted when it is registered, once for its token and once for its phone", async () => {
  const phone = "+989990000001";
  const tokenRow = { phone, purpose: "register", expiresAt: NOW + 1, createdAt: NOW } as const;
  const register = (tokenHash: string) => {
    const id = newId("usr", NOW);
    const user = { id, phone, name: null, bio: null, locale: null, role: "user", status: "active" } as const;
    const row = { ...user, sessionEpoch: 0, passwordHash: "", createdAt: NOW };
    return users.register(row, tokenHash, auditEvent({ subject: { userId: id } }));
  };
  await db.insert(verificationTokens).values(["t1", "t2", "t3"].map((tokenHash) => ({ ...tokenRow, tokenHash })));
  expect(await grown(() => register("unknown"))).toEqual({});
  const growth = await grown(() => times(30, (i) => register(`t${(i % 3) + 1}`)));
  expect(growth).toEqual({ "user_registrations_total[]": 1 });
});

it("a call is counted when it is settled, once, as whichever racing report came first", async () => {
  const call = { conversionId: newId("cnv", NOW), attempt: 1, provider: "gemini", model: 'm "1", ü' } as const;
  const id = newId("pcl", NOW);
  const begin = () => calls.begin({ id, ...call, expectedMicros: 1, budgetMicros: null, startedAt: NOW });
  expect(await grown(begin)).toEqual({});
  const outcomes = ["success", "timeout", "aborted"] as const;
  const settle = (i: number) =>
    calls.settle(id, { outcome: outcomes[i % 3] ?? "success", usage: null, free: false, endedAt: NOW });
  const growth = await grown(() => times(30, settle));
  const [row] = await calls.ofConversion(call.conversionId);
  expect(growth).toEqual({ [`provider_calls_total${JSON.stringify(["gemini", call.model, row?.outcome])}`]: 1 });
  expect(
    await grown(() => calls.settle("pcl_none", { outcome: "success", usage: null, free: false, endedAt: 1 })),
  ).toEqual({});
});

function letter(messageId: string) {
  const row = { id: newId("dlt", NOW), queue: "dead", messageId, conversionId: null, body: "{}", attempts: 1 };
  return { ...row, outcome: "unreadable", receivedAt: NOW } as const;
}

it("a dead letter is counted when it is new, once, however often it is delivered", async () => {
  const growth = await grown(async () => {
    const recorded = await times(20, (i) => letters.record(letter(`m${i % 2}`)));
    expect(recorded.filter(Boolean)).toHaveLength(2);
  });
  expect(growth).toEqual({ 'dead_letters_total["dead","unreadable"]': 2 });
});

it("every counter is one row, and its labels are the JSON that JavaScript writes", async () => {
  expect(Object.keys(await counters()).length).toBeGreaterThan(8);
  for (const { labels } of await db.select().from(businessCounters)) {
    expect(JSON.stringify(JSON.parse(labels))).toBe(labels);
  }
});
