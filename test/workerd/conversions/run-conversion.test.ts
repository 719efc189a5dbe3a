import { expect, it } from "vitest";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { LEASE_MS, runConversion } from "../../../src/modules/conversions/jobs.ts";
import { GenerationError } from "../../../src/ports/image-generator.ts";
import { d1 } from "../support/database.ts";
import { fakeGenerator, type WorkerStage, workerStage } from "../support/worker.ts";

async function usageOf(stage: WorkerStage) {
  const usage = await d1.quota.usage(stage.userId, "2026-11");
  return { used: usage?.used, reserved: usage?.reserved };
}

/** The same worker, dying as it is about to call the named verb; what it did before stays done. */
function dyingBefore(stage: WorkerStage, verb: "succeed" | "advance"): WorkerStage["deps"] {
  const die = () => new Promise<never>(() => {});
  return { ...stage.deps, conversions: { ...stage.deps.conversions, [verb]: die } };
}

it("makes one result and one charge of a message delivered twice", async () => {
  const generator = fakeGenerator();
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  await runConversion(stage.deps, id);
  await runConversion(stage.deps, id);
  expect(generator.calls).toHaveLength(1);
  expect(await usageOf(stage)).toEqual({ used: 1, reserved: 0 });
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "succeeded", attempt: 1 });
});

it("makes one result and one charge of ten messages delivered at once", async () => {
  const generator = fakeGenerator();
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  await Promise.all(Array.from({ length: 10 }, () => runConversion(stage.deps, id)));
  expect(generator.calls).toHaveLength(1);
  expect(await usageOf(stage)).toEqual({ used: 1, reserved: 0 });
});

it("does not call the provider again when the worker died between storing and finishing", async () => {
  const generator = fakeGenerator();
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  void runConversion(dyingBefore(stage, "succeed"), id);
  await expect.poll(() => stage.deps.objects.head(resultKeys(id).original)).not.toBeNull();
  stage.advance(LEASE_MS + 1);
  await runConversion(stage.deps, id);
  expect(generator.calls).toHaveLength(1);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
    status: "succeeded",
    attempt: 2,
    model: "fake/1",
    result: { width: 96, height: 64 },
  });
  expect(await usageOf(stage)).toEqual({ used: 1, reserved: 0 });
});

it("adopts a stored result even when every attempt is spent, and otherwise fails as worker_lost", async () => {
  const generator = fakeGenerator();
  const stage = await workerStage(generator);
  const [stored, lost] = [await stage.newConversion(), await stage.newConversion()];
  const { maxAttempts } = stage.deps.config.conversions;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    void runConversion(dyingBefore(stage, "advance"), lost);
    void runConversion(dyingBefore(stage, "succeed"), stored);
    await expect.poll(async () => (await d1.conversions.inspect(lost))?.attempt).toBe(attempt + 1);
    await expect.poll(async () => (await d1.conversions.inspect(stored))?.attempt).toBe(attempt + 1);
    await expect.poll(() => stage.deps.objects.head(resultKeys(stored).original)).not.toBeNull();
    stage.advance(LEASE_MS + 1);
  }
  await runConversion(stage.deps, stored);
  await runConversion(stage.deps, lost);
  expect(await d1.conversions.find(stage.userId, stored)).toMatchObject({ status: "succeeded" });
  expect(await d1.conversions.find(stage.userId, lost)).toMatchObject({ status: "failed", errorCode: "worker_lost" });
  expect(await usageOf(stage)).toEqual({ used: 1, reserved: 0 });
});

it("retries a passing failure within two seconds, and fails and releases when the attempts are spent", async () => {
  const generator = fakeGenerator(async () => {
    throw new GenerationError("unavailable", "overloaded");
  });
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  await runConversion(stage.deps, id);
  const waiting = await d1.conversions.find(stage.userId, id);
  expect(waiting).toMatchObject({ status: "queued", stage: "queued", attempt: 1, errorCode: null });
  expect(stage.sent).toHaveLength(1);
  expect(stage.sent[0]?.delaySeconds).toBeLessThanOrEqual(2);
  for (let attempt = 1; attempt < stage.deps.config.conversions.maxAttempts; attempt++) {
    stage.advance(61_000);
    await runConversion(stage.deps, id);
  }
  expect(generator.calls).toHaveLength(stage.deps.config.conversions.maxAttempts);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
    status: "failed",
    errorCode: "provider_unavailable",
    usage: { state: "released" },
  });
});

it("fails a blocked request at once and sends it to nobody else", async () => {
  const generator = fakeGenerator(async () => {
    throw new GenerationError("blocked", "safety");
  });
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  await runConversion(stage.deps, id);
  await runConversion(stage.deps, id);
  expect(generator.calls).toHaveLength(1);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "failed", errorCode: "content_blocked" });
  expect(await usageOf(stage)).toEqual({ used: 0, reserved: 0 });
});

it("drops the late result of a conversion that was canceled meanwhile, and charges nothing", async () => {
  const stage: WorkerStage = await workerStage(
    fakeGenerator(async () => {
      throw new Error("replaced below");
    }),
  );
  const inner = fakeGenerator();
  const canceling = fakeGenerator(async (request, options) => {
    await d1.conversions.cancel(stage.userId, request.conversionId, stage.deps.clock.now());
    return inner.generate(request, options);
  });
  const id = await stage.newConversion();
  await runConversion({ ...stage.deps, generators: new Map([["local", canceling]]) }, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "canceled", result: null });
  expect(await stage.deps.objects.head(resultKeys(id).original)).toBeNull();
  expect(await usageOf(stage)).toEqual({ used: 0, reserved: 0 });
});

it("deletes what a canceled job stored between its last check and the cancel", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  const { conversions } = stage.deps;
  const deps = {
    ...stage.deps,
    conversions: {
      ...conversions,
      succeed: async (...args: Parameters<typeof conversions.succeed>) => {
        await conversions.cancel(stage.userId, id, stage.deps.clock.now());
        return conversions.succeed(...args);
      },
    },
  };
  await runConversion(deps, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "canceled" });
  expect(await stage.deps.objects.head(resultKeys(id).original)).toBeNull();
});

it("ends a job that runs into its deadline as expired and releases its unit", async () => {
  const stage: WorkerStage = await workerStage(fakeGenerator());
  const slow = fakeGenerator(async (request, options) => {
    stage.advance(600_001);
    return fakeGenerator().generate(request, options);
  });
  const id = await stage.newConversion();
  await runConversion({ ...stage.deps, generators: new Map([["local", slow]]) }, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "expired", result: null });
  expect(await stage.deps.objects.head(resultKeys(id).original)).toBeNull();
  expect(await usageOf(stage)).toEqual({ used: 0, reserved: 0 });
});

it("puts a job back when the machinery fails, keeping its unit reserved", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  const objects = { ...stage.deps.objects, get: () => Promise.reject(new Error("storage is down")) };
  await runConversion({ ...stage.deps, objects }, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "queued", attempt: 1 });
  expect(await usageOf(stage)).toEqual({ used: 0, reserved: 1 });
  stage.advance(3_000);
  await runConversion(stage.deps, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "succeeded", attempt: 2 });
});

it("raises version with every stage and shows progress that never falls", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  await runConversion(stage.deps, id);
  const events = await d1.eventsOf(id);
  expect(events.map((event) => event.version)).toEqual(events.map((_, i) => i + 1));
  expect(events.map((event) => event.type)).toEqual([
    "conversion.queued",
    "conversion.processing",
    "conversion.progress",
    "conversion.progress",
    "conversion.progress",
    "conversion.succeeded",
  ]);
});

it("takes a job back from a step that hangs, and tries it again", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  const { config } = stage.deps;
  const hanging = {
    ...stage.deps,
    config: { ...config, conversions: { ...config.conversions, stageTimeoutMs: 50 } },
    pictures: { ...stage.deps.pictures, shrink: () => new Promise<never>(() => {}) },
  };
  await runConversion(hanging, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "queued", attempt: 1 });
  stage.advance(3_000);
  await runConversion(stage.deps, id);
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "succeeded", attempt: 2 });
});
