import { eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { createD1Retention } from "../../../src/db/d1/repositories/retention.ts";
import { conversions, images, plans, users } from "../../../src/db/d1/schema/index.ts";
import { newId, resultImageId } from "../../../src/kernel/ids.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { sweepConversions, sweepRetention } from "../../../src/modules/conversions/jobs.ts";
import { objectKeys } from "../../../src/modules/images/object-keys.ts";
import type { NewImage } from "../../../src/modules/images/repository.ts";
import { auditEvent, conversionInput, createConditions, newConversion } from "../../factories.ts";
import { api, signUp } from "../support/client.ts";
import { bindings, d1, db, insertImage, insertUser } from "../support/database.ts";
import { uploadPerson } from "../support/pictures.ts";
import { fakeGenerator, type WorkerStage, workerStage } from "../support/worker.ts";

const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;
const retention = createD1Retention(db);
const imageRows = createD1ImageRepository(db);

const sweep = (stage: WorkerStage, now = stage.deps.clock.now()) =>
  sweepRetention({ clock: { now: () => now }, retention });

/** Keeps all promises that are due, those of other tests in this file included. */
async function keepPromises(stage: WorkerStage): Promise<void> {
  while ((await sweepConversions(stage.deps)).outboxDone > 0);
}

async function rowOf(id: string) {
  const [row] = await db.select().from(images).where(eq(images.id, id));
  if (!row) throw new Error("no such image");
  return row;
}

async function isLive(id: string): Promise<boolean> {
  return (await rowOf(id)).deletedAt === null;
}

async function expired(stage: WorkerStage, change: Partial<typeof images.$inferInsert> = {}): Promise<string> {
  const id = await insertImage(stage.userId, { expiresAt: stage.deps.clock.now(), ...change });
  for (const key of objectKeys(await rowOf(id))) await bindings.BUCKET.put(key, "x");
  return id;
}

/** A conversion of the stage's user that has succeeded. */
async function succeeded(stage: WorkerStage): Promise<{ id: string; imageId: string }> {
  const id = await stage.newConversion();
  const now = stage.deps.clock.now();
  const claimed = await d1.conversions.claim(id, { now, leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false });
  if (!claimed) throw new Error("not claimed");
  const imageId = resultImageId(id);
  const picture = { imageId, mime: "image/jpeg", bytes: 1, width: 64, height: 64, sha256: "00" } as const;
  const result = { ...picture, provider: "local", model: "m", degraded: false } as const;
  expect(await d1.conversions.succeed(claimed.lease, result, { now: now, answerOutboxId: null })).toBe(true);
  for (const key of Object.values(resultKeys(id))) await bindings.BUCKET.put(key, "x");
  return { id, imageId };
}

async function keysLeft(keys: readonly string[]): Promise<string[]> {
  const found = await Promise.all(keys.map(async (key) => ((await bindings.BUCKET.head(key)) ? [key] : [])));
  return found.flat();
}

async function ownerWith(originalRetentionDays: number | null, resultRetentionDays: number | null): Promise<string> {
  const userId = await insertUser();
  const id = `plan-${userId}`;
  const [free] = await db.select().from(plans).where(eq(plans.id, "free"));
  if (!free) throw new Error("no free plan");
  await db.insert(plans).values({ ...free, id, originalRetentionDays, resultRetentionDays });
  await db.update(users).set({ planId: id }).where(eq(users.id, userId));
  return userId;
}

describe("when an image expires", () => {
  const image = (userId: string, kind: NewImage["kind"], createdAt: number): NewImage => {
    const id = newId("img", createdAt);
    const size = { bytes: 1, width: 64, height: 64, sha256: "00" };
    const keys = { originalKey: `images/${userId}/${id}/original`, thumbnailKey: `images/${userId}/${id}/thumbnail` };
    return { id, userId, kind, mime: "image/png", ...size, ...keys, createdAt };
  };

  it.each([
    [7, 90],
    [null, 1],
    [1, null],
  ])("is the database's to say, by its owner's plan: originals %s days, results %s", async (original, result) => {
    const userId = await ownerWith(original, result);
    const now = 1_800_000_000_123;
    for (const [kind, days] of [
      ["person", original],
      ["garment", original],
      ["style", original],
      ["result", result],
    ] as const) {
      const expiresAt = days === null ? null : now + days * DAY_MS;
      const single = image(userId, kind, now);
      const event = auditEvent({ subject: { userId } });
      expect(await imageRows.insert(single, "obx_none", event)).toMatchObject({ expiresAt });
      expect((await rowOf(single.id)).expiresAt).toBe(expiresAt);
    }
    const sent = image(userId, "person", now);
    const conversion = newConversion(userId, conversionInput(sent.id), { createdAt: now });
    await d1.conversions.create(conversion, createConditions(now, { newImages: [sent] }));
    expect((await rowOf(sent.id)).expiresAt).toBe(original === null ? null : now + original * DAY_MS);
  });

  it("is shown with it, and with the conversion it is the result of", async () => {
    const { token } = await signUp();
    const { id } = await uploadPerson(token);
    const uploaded = (await (await api(`/api/images/${id}`, { token })).json()) as Record<string, string>;
    expect(Date.parse(uploaded.expiresAt ?? "") - Date.parse(uploaded.createdAt ?? "")).toBe(30 * DAY_MS);
    const json = { kind: "style", personImageId: id, stylePreset: "noir" };
    const made = await api("/api/conversions", { token, json, headers: { Prefer: "wait=25" } });
    expect(made.status).toBe(201);
    const conversion = (await made.json()) as Record<string, string>;
    expect(Date.parse(conversion.expiresAt ?? "") - Date.parse(conversion.completedAt ?? "")).toBe(30 * DAY_MS);
    expect(conversion.dataRemoved).toBe(false);
  });
});

describe("the sweep", () => {
  it("removes what has expired with all its objects, and nothing that has not", async () => {
    const stage = await workerStage(fakeGenerator());
    const now = stage.deps.clock.now();
    const old = await expired(stage, { expiresAt: now });
    const others = [await expired(stage, { expiresAt: now + 60_000 }), await expired(stage, { expiresAt: null })];
    await sweep(stage, now);
    expect(await isLive(old)).toBe(false);
    for (const id of others) expect(await isLive(id)).toBe(true);
    await keepPromises(stage);
    expect(await keysLeft(objectKeys(await rowOf(old)))).toEqual([]);
    for (const id of others) expect(await keysLeft(objectKeys(await rowOf(id)))).toHaveLength(3);
    expect(await imageRows.findAny(old)).toBeNull();
  });

  it("tells of a result that it is gone, once, and leaves the conversion", async () => {
    const stage = await workerStage(fakeGenerator());
    const { id, imageId } = await succeeded(stage);
    const before = await d1.conversions.find(stage.userId, id);
    expect(before).toMatchObject({ dataRemoved: false, result: { imageId } });
    stage.advance(30 * DAY_MS - 1_000);
    await sweep(stage);
    expect(await isLive(imageId)).toBe(true);
    stage.advance(1_000);
    const now = stage.deps.clock.now();
    await sweep(stage, now);
    await sweep(stage, now + 60_000);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
      status: "succeeded",
      result: null,
      dataRemoved: true,
      expiresAt: null,
      version: (before?.version ?? 0) + 1,
      updatedAt: now,
      usage: { state: "committed" },
    });
    await keepPromises(stage);
    expect(await keysLeft(Object.values(resultKeys(id)))).toEqual([]);
  });

  it("keeps what an active conversion needs, looks at it again in an hour, and takes it when that has ended", async () => {
    const stage = await workerStage(fakeGenerator());
    const result = await succeeded(stage);
    stage.advance(31 * DAY_MS);
    const [person, garment, style] = [await expired(stage), await expired(stage), await expired(stage)];
    const input = { personImageId: person, garmentImageId: garment, styleImageId: style };
    const ids = [
      await stage.newConversion({ input: conversionInput(person, input) }),
      await stage.newConversion({ input: conversionInput(result.imageId) }),
    ];
    const now = stage.deps.clock.now();
    await sweep(stage, now);
    for (const id of [person, garment, style, result.imageId]) {
      expect(await rowOf(id)).toMatchObject({ deletedAt: null, expiresAt: now + HOUR_MS });
    }
    expect(await d1.conversions.find(stage.userId, result.id)).toMatchObject({ dataRemoved: false });
    for (const id of ids) await d1.conversions.cancel(stage.userId, id, stage.deps.clock.now());
    await sweep(stage, now + HOUR_MS - 1);
    expect(await isLive(person)).toBe(true);
    await sweep(stage, now + HOUR_MS);
    for (const id of [person, garment, style, result.imageId]) expect(await isLive(id)).toBe(false);
    expect(await d1.conversions.find(stage.userId, result.id)).toMatchObject({ dataRemoved: true });
  });

  it("does not keep a picture for a conversion that is out of time, or another user's", async () => {
    const stage = await workerStage(fakeGenerator());
    const id = await expired(stage);
    const deadlineAt = stage.deps.clock.now() - 1;
    await stage.newConversion({ input: conversionInput(id), deadlineAt });
    await sweep(stage);
    expect(await isLive(id)).toBe(false);
  });

  it("comes past the pictures that are in use, however many they are", async () => {
    const stage = await workerStage(fakeGenerator());
    const now = stage.deps.clock.now();
    const rows = Array.from({ length: 230 }, (_, i) => ({ id: newId("img", now), i }));
    for (let at = 0; at < rows.length; at += 6) {
      await db.insert(images).values(
        rows.slice(at, at + 6).map(({ id, i }) => ({
          id,
          userId: stage.userId,
          kind: "person" as const,
          mime: "image/png" as const,
          bytes: 1,
          width: 64,
          height: 64,
          sha256: "00",
          originalKey: `images/${stage.userId}/${id}/original`,
          thumbnailKey: `images/${stage.userId}/${id}/thumbnail`,
          createdAt: now,
          expiresAt: now - 1_000_000 + i,
        })),
      );
    }
    const used = rows.slice(0, 210);
    for (const { id } of used) await stage.newConversion({ input: conversionInput(id) });
    expect(await sweep(stage)).toBe(20);
    const live = await Promise.all(rows.map(({ id }) => isLive(id)));
    expect(live).toEqual(rows.map((_, i) => i < 210));
  });

  it("racing itself, its owner and a conversion made of the picture, removes it once or leaves it whole", async () => {
    for (let round = 0; round < 8; round++) {
      const stage = await workerStage(fakeGenerator());
      const id = await expired(stage);
      const { newConversion: create } = stage;
      const now = stage.deps.clock.now();
      const event = auditEvent({ subject: { userId: stage.userId } });
      const tasks: (() => Promise<unknown>)[] = [
        () => sweep(stage),
        () => sweep(stage),
        () => create({ input: conversionInput(id) }).then(String, () => null),
        () => imageRows.remove(stage.userId, id, now, event).then(({ kind }) => kind),
      ];
      const order = round % 2 === 0 ? tasks : tasks.toReversed();
      const results = await Promise.all(order.map((task) => task()));
      const [first, second, created, removed] = round % 2 === 0 ? results : results.toReversed();
      const removals = Number(first) + Number(second) + Number(removed === "removed");
      expect(removals, `round ${round}`).toBe(created === null ? 1 : 0);
      expect(await isLive(id), `round ${round}`).toBe(created !== null);
      if (created === null) continue;
      await keepPromises(stage);
      expect(await keysLeft(objectKeys(await rowOf(id)))).toHaveLength(3);
    }
  });

  it("racing the removal of the conversion, promises its objects and leaves no row", async () => {
    for (let round = 0; round < 4; round++) {
      const stage = await workerStage(fakeGenerator());
      const { id, imageId } = await succeeded(stage);
      stage.advance(31 * DAY_MS);
      const remove = () => d1.conversions.remove(stage.userId, id, stage.deps.clock.now());
      const tasks = [() => sweep(stage), remove, () => sweep(stage)] as const;
      await Promise.all((round % 2 ? tasks : tasks.toReversed()).map((task) => task()));
      expect(await isLive(imageId)).toBe(false);
      stage.advance(61_000);
      await keepPromises(stage);
      expect(await keysLeft(Object.values(resultKeys(id)))).toEqual([]);
    }
  });
});

describe("a result", () => {
  it("that its owner deletes as an image leaves a conversion that tells of it", async () => {
    const stage = await workerStage(fakeGenerator());
    const { id, imageId } = await succeeded(stage);
    const event = auditEvent({ subject: { userId: stage.userId } });
    const now = stage.deps.clock.now();
    expect(await imageRows.remove(stage.userId, imageId, now, event)).toMatchObject({ kind: "removed" });
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ result: null, dataRemoved: true });
    const [row] = await db.select().from(conversions).where(eq(conversions.id, id));
    expect(row?.resultImageId).toBe(imageId);
  });

  it("whose conversion was removed while another one needed it goes when that has ended", async () => {
    const stage = await workerStage(fakeGenerator());
    const result = await succeeded(stage);
    const user = await stage.newConversion({ input: conversionInput(result.imageId) });
    await d1.conversions.remove(stage.userId, result.id, stage.deps.clock.now());
    await sweep(stage);
    expect(await isLive(result.imageId)).toBe(true);
    await d1.conversions.cancel(stage.userId, user, stage.deps.clock.now());
    stage.advance(HOUR_MS);
    await sweep(stage);
    expect(await isLive(result.imageId)).toBe(false);
    await keepPromises(stage);
    expect(await keysLeft(Object.values(resultKeys(result.id)))).toEqual([]);
  });
});
