import { expect, it } from "vitest";
import { outbox } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { failUndelivered, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import { promiseCleanUp, storeUpload } from "../../../src/modules/images/index.ts";
import { deadLetter } from "../../factories.ts";
import { d1, db } from "../support/database.ts";
import { fakeGenerator, workerStage } from "../support/worker.ts";

it("sends the message of a conversion whose creator died before sending it", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  stage.advance(15_001);
  await sweepConversions(stage.deps);
  expect(stage.sent).toContainEqual({ id, delaySeconds: 0 });
  const left = await d1.outbox.listDue(["conversion.run"], stage.deps.clock.now(), 1000);
  expect(left.some((entry) => entry.topic === "conversion.run" && entry.payload.conversionId === id)).toBe(false);
});

it("keeps an outbox entry whose work failed for the next sweep", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  stage.advance(15_001);
  const jobs = { sendConversion: () => Promise.reject(new Error("the queue is down")) };
  await sweepConversions({ ...stage.deps, jobs }).catch(() => {});
  await sweepConversions(stage.deps);
  expect(stage.sent.filter((message) => message.id === id).length).toBeGreaterThanOrEqual(1);
});

it("gives every active conversion a spare message that comes within a minute of a restart", async () => {
  const stage = await workerStage(fakeGenerator());
  const queued = await stage.newConversion();
  const processing = await stage.newConversion();
  const now = stage.deps.clock.now();
  await d1.conversions.claim(processing, { now, leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false });
  await sweepConversions(stage.deps);
  for (const id of [queued, processing]) {
    const spare = stage.sent.find((message) => message.id === id);
    expect(spare?.delaySeconds, id).toBeLessThanOrEqual(50);
  }
});

it("settles conversions that are out of time", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion({ deadlineAt: stage.deps.clock.now() + 1_000 });
  stage.advance(1_001);
  await sweepConversions(stage.deps);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
    status: "expired",
    usage: { state: "released" },
  });
});

it("deletes the objects a transaction promised to delete", async () => {
  const stage = await workerStage(fakeGenerator());
  const now = stage.deps.clock.now();
  const key = `results/${newId("cnv", now)}/original`;
  await stage.deps.objects.create(key, new Uint8Array([1]), { mime: "image/jpeg" });
  const entry = { id: newId("obx", now), topic: "objects.delete" as const, payload: { keys: [key] } };
  await db.insert(outbox).values({ ...entry, dueAt: now, createdAt: now });
  await sweepConversions(stage.deps);
  expect(await stage.deps.objects.head(key)).toBeNull();
});

it("fails an undeliverable conversion once, and releases its unit once", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  expect(await failUndelivered(stage.deps, id, deadLetter())).toBe(true);
  expect(await failUndelivered(stage.deps, id, deadLetter())).toBe(false);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
    status: "failed",
    errorCode: "delivery_exhausted",
    usage: { state: "released" },
  });
  expect(await d1.quota.usage(stage.userId, "2026-11")).toMatchObject({ used: 0, reserved: 0 });
});

it("leaves a job alone that a worker holds or that waits for its next attempt, whatever dead letter comes", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  const now = stage.deps.clock.now();
  const claimed = await d1.conversions.claim(id, { now, leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false });
  expect(await failUndelivered(stage.deps, id, deadLetter())).toBe(false);
  const back = {
    notBefore: now + 60_000,
    cause: "test",
    failure: null,
    keepAttempt: false,
    now,
    outboxId: newId("obx", now),
  };
  if (claimed) await d1.conversions.requeue(claimed.lease, back);
  expect(await failUndelivered(stage.deps, id, deadLetter())).toBe(false);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "queued", usage: { state: "reserved" } });
});

it("deletes the objects of an upload whose row never came into being", async () => {
  const stage = await workerStage(fakeGenerator());
  const owner = { id: newId("img", stage.deps.clock.now()), userId: stage.userId, kind: "person" as const };
  await promiseCleanUp(stage.deps, [owner]);
  const upload = {
    mime: "image/png" as const,
    width: 64,
    height: 64,
    original: new Uint8Array([1]),
    thumbnail: new Uint8Array([2]),
    smallThumbnail: new Uint8Array([3]),
  };
  const image = await storeUpload(stage.deps, owner, upload);
  await sweepConversions(stage.deps);
  expect(await stage.deps.objects.head(image.originalKey)).not.toBeNull();
  stage.advance(11 * 60_000);
  await sweepConversions(stage.deps);
  expect(await stage.deps.objects.head(image.originalKey)).toBeNull();
  expect(await stage.deps.objects.head(image.thumbnailKey)).toBeNull();
});
