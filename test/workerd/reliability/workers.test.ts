import { eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { conversions, outbox } from "../../../src/db/d1/schema/index.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { LEASE_MS, runConversion, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import { type GeneratedImage, GenerationError } from "../../../src/ports/image-generator.ts";
import { conversionInput } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { consume, delivery, QUEUE, runMessage } from "../operations/support.ts";
import { api, signUp } from "../support/client.ts";
import { d1, db, insertImage } from "../support/database.ts";
import { mortal } from "../support/mortal.ts";
import { fakeGenerator, frozenStorage, storedOf, type WorkerStage, workerStage } from "../support/worker.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const dead = () => new Promise<never>(() => {});
const LATE_RESULT_MS = 10 * 60_000;

async function found(id: string) {
  const conversion = await d1.conversions.inspect(id);
  if (conversion === null) throw new Error("no such conversion");
  return conversion;
}

async function usageOf(stage: WorkerStage) {
  const usage = await d1.quota.usage(stage.userId, "2026-11");
  return { used: usage?.used, reserved: usage?.reserved };
}

/** A provider that answers when it is told to. */
function patientGenerator() {
  const started = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<GeneratedImage>();
  const generator = fakeGenerator(() => {
    started.resolve();
    return answer.promise;
  });
  const reply = () =>
    answer.resolve({ bytes: QUADRANT_JPEG, mime: "image/jpeg", model: "fake/1", degraded: false, usage: null });
  return { generator, started: started.promise, reply };
}

/** The same worker with one verb of a port replaced. */
function withVerb<P extends "conversions" | "objects" | "pictures">(
  deps: WorkerStage["deps"],
  port: P,
  change: Partial<WorkerStage["deps"][P]>,
): WorkerStage["deps"] {
  return { ...deps, [port]: { ...deps[port], ...change } };
}

describe("a worker that dies", () => {
  it("with the provider's reply in its hands is replaced: the picture is made again and charged once", async () => {
    const generator = fakeGenerator();
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    const replied = Promise.withResolvers<void>();
    const finish = () => {
      replied.resolve();
      return dead();
    };
    void runConversion(withVerb(stage.deps, "pictures", { finish }), id);
    await replied.promise;
    expect(await storedOf(id)).toEqual([]);
    stage.advance(LEASE_MS - 1_000);
    await runConversion(stage.deps, id);
    expect(generator.calls).toHaveLength(1);
    stage.advance(1_001);
    await runConversion(stage.deps, id);
    await runConversion(stage.deps, id);
    expect(generator.calls).toHaveLength(2);
    expect(await found(id)).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(await usageOf(stage)).toEqual({ used: 1, reserved: 0 });
    expect((await d1.eventsOf(id)).filter(({ type }) => type === "conversion.succeeded")).toHaveLength(1);
  });

  it("at any call it makes, before it or right after, leaves a job that ends well and is charged once", async () => {
    const generator = fakeGenerator();
    const stage = await workerStage(generator);
    const fates = Array.from({ length: 40 }, (_, i) => ({
      dieAt: 1 + Math.floor(i / 2),
      dies: i % 2 === 0 ? ("before" as const) : ("after" as const),
    }));
    const ids = await Promise.all(fates.map(() => stage.newConversion()));
    const survivors = new Set<number>();
    const runs = fates.map(async (fate, i) => {
      await runConversion(mortal(stage.deps, fate).deps, ids[i] as string);
      survivors.add(i);
    });
    // A run has fewer calls than the latest of these deaths, so that every call it has is the last of some.
    await Promise.all(runs.slice(-2));
    await expect.poll(() => survivors.size).toBeGreaterThan(2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(Math.min(...survivors)).toBeGreaterThan(20);
    stage.advance(LEASE_MS + 1);
    for (const id of ids) await runConversion(stage.deps, id);
    for (const [i, id] of ids.entries()) {
      const about = JSON.stringify(fates[i]);
      expect(await found(id), about).toMatchObject({ status: "succeeded", usage: { state: "committed" } });
      expect(await storedOf(id), about).toEqual(Object.values(resultKeys(id)).sort());
      expect(generator.calls.filter(({ conversionId }) => conversionId === id).length, about).toBeLessThanOrEqual(2);
    }
    expect(await usageOf(stage)).toEqual({ used: ids.length, reserved: 0 });
  });
});

describe("a live worker", () => {
  it("keeps its job however often the sweeper and needless messages come", async () => {
    const { generator, started, reply } = patientGenerator();
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    const run = runConversion(stage.deps, id);
    await started;
    for (let i = 0; i < 5; i++) {
      await sweepConversions(stage.deps);
      const spares = stage.sent.splice(0).filter((message) => message.id === id);
      await Promise.all([id, ...spares.map((message) => message.id)].map((one) => runConversion(stage.deps, one)));
    }
    expect(await found(id)).toMatchObject({ status: "processing", attempt: 1 });
    reply();
    await run;
    expect(generator.calls).toHaveLength(1);
    expect(await found(id)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  it("whose lease runs out as it finishes and the sweeper's message that takes the job make one result and one charge", async () => {
    const generator = fakeGenerator();
    const stage = await workerStage(generator);
    const rounds = 6;
    for (let round = 0; round < rounds; round++) {
      const id = await stage.newConversion();
      const ready = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const late = withVerb(stage.deps, "conversions", {
        async succeed(...args) {
          ready.resolve();
          await go.promise;
          return stage.deps.conversions.succeed(...args);
        },
      });
      const slow = runConversion(late, id);
      await ready.promise;
      stage.advance(LEASE_MS + 6_000);
      await sweepConversions(stage.deps);
      const spares = stage.sent.splice(0).filter((message) => message.id === id);
      expect(spares).toContainEqual({ id, delaySeconds: 0 });
      const taking = () => Promise.all(spares.map((message) => runConversion(stage.deps, message.id)));
      // In turns the one and the other is a little earlier.
      if (round % 2 === 0) go.resolve();
      const taken = taking();
      go.resolve();
      await Promise.all([slow, taken]);
      expect(await found(id)).toMatchObject({ status: "succeeded", usage: { state: "committed" } });
      const ends = (await d1.eventsOf(id)).filter(({ type }) => type === "conversion.succeeded");
      expect(ends).toHaveLength(1);
      expect(await storedOf(id)).toEqual(Object.values(resultKeys(id)).sort());
    }
    expect(generator.calls).toHaveLength(rounds);
    expect(await usageOf(stage)).toEqual({ used: rounds, reserved: 0 });
  });
});

describe("a message", () => {
  it("of a conversion that was canceled or deleted meanwhile, or never was, is acknowledged and does nothing at all", async () => {
    const generator = fakeGenerator();
    const stage = await workerStage(generator);
    const [canceled, deleted] = [await stage.newConversion(), await stage.newConversion()];
    const now = stage.deps.clock.now();
    await d1.conversions.cancel(stage.userId, canceled, now);
    await d1.conversions.remove(stage.userId, deleted, now);
    const before = [await found(canceled), await found(deleted)];
    for (const id of [canceled, deleted, "cnv_01K00000000000000000000000"]) {
      expect(await consume(stage.deps, QUEUE, delivery(runMessage(id)))).toEqual(["ack"]);
    }
    expect(generator.calls).toEqual([]);
    expect([await found(canceled), await found(deleted)]).toEqual(before);
    expect(await usageOf(stage)).toEqual({ used: 0, reserved: 0 });
    expect(stage.sent).toEqual([]);
  });
});

describe("a job taken away", () => {
  it("while its worker is frozen on the way to storing: whatever that one stores before it dies is deleted", async () => {
    const stage = await workerStage(fakeGenerator());
    const id = await stage.newConversion();
    const { create, storing, thaw } = frozenStorage(stage.deps);
    const deletes = Promise.withResolvers<void>();
    const frozen = withVerb(stage.deps, "objects", {
      create,
      delete() {
        deletes.resolve();
        return dead();
      },
    });
    const run = runConversion(withVerb(frozen, "conversions", { holdsLease: dead }), id);
    await storing;
    await d1.conversions.cancel(stage.userId, id, stage.deps.clock.now());
    stage.advance(5 * 60_000);
    thaw();
    // It finds out when it reports the result, goes to delete what it stored, and dies there.
    await Promise.race([deletes.promise, run]);
    expect(await storedOf(id)).toEqual(Object.values(resultKeys(id)).sort());
    await sweepConversions(stage.deps);
    expect(await storedOf(id)).toHaveLength(3);
    stage.advance(LATE_RESULT_MS - 5 * 60_000);
    await sweepConversions(stage.deps);
    expect(await storedOf(id)).toEqual([]);
    expect(await found(id)).toMatchObject({ status: "canceled", result: null, usage: { state: "released" } });
    expect(JSON.stringify(await db.select().from(outbox))).not.toContain(id);
  });

  it("by deletion while the provider works: gone at once, unit released, late picture dropped", async () => {
    const { token, userId } = await signUp();
    const { generator, started, reply } = patientGenerator();
    const stage = await workerStage(generator);
    const personImageId = await insertImage(userId, { mime: "image/jpeg", width: 96, height: 64 });
    await stage.deps.objects.create(`images/${userId}/${personImageId}/original`, QUADRANT_JPEG, {
      mime: "image/jpeg",
    });
    const mine = { ...stage, userId };
    const id = await stage.newConversion({ userId, input: conversionInput(personImageId) });
    const run = runConversion(stage.deps, id);
    await started;
    expect(await usageOf(mine)).toEqual({ used: 0, reserved: 1 });
    expect((await api(`/api/conversions/${id}`, { method: "DELETE", token })).status).toBe(204);
    expect((await api(`/api/conversions/${id}`, { token })).status).toBe(404);
    expect(await usageOf(mine)).toEqual({ used: 0, reserved: 0 });
    reply();
    await run;
    expect(await storedOf(id)).toEqual([]);
    expect(await usageOf(mine)).toEqual({ used: 0, reserved: 0 });
    const [row] = await db.select().from(conversions).where(eq(conversions.id, id));
    expect(row).toMatchObject({ status: "canceled", lease: null, resultImageId: null });
    expect(row?.deletedAt).not.toBeNull();
    expect(await d1.countRows("images", userId)).toBe(1);
  });
});

describe("a provider that keeps failing", () => {
  it("is asked after ever longer waits, and then the job fails and its unit is released", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.999);
    const generator = fakeGenerator(async () => {
      throw new GenerationError("unavailable", "overloaded");
    });
    const stage = await workerStage(generator);
    const { config } = stage.deps;
    const deps = { ...stage.deps, config: { ...config, conversions: { ...config.conversions, maxAttempts: 6 } } };
    const id = await stage.newConversion();
    const waits = [];
    for (let attempt = 1; attempt <= 5; attempt++) {
      const before = stage.deps.clock.now();
      await runConversion(deps, id);
      const { notBefore, status } = await found(id);
      expect(status).toBe("queued");
      waits.push(Math.round((notBefore - before) / 1_000));
      await runConversion(deps, id);
      expect(generator.calls, "asked again too early").toHaveLength(attempt);
      stage.advance(notBefore - stage.deps.clock.now() + 1);
    }
    expect(waits).toEqual([1, 4, 8, 16, 32]);
    // The second is the answer to a message that came less than a second early.
    expect(stage.sent.map(({ delaySeconds }) => delaySeconds)).toEqual([1, 1, 4, 8, 16, 32]);
    await runConversion(deps, id);
    expect(await found(id)).toMatchObject({
      status: "failed",
      errorCode: "provider_unavailable",
      usage: { state: "released" },
    });
    expect(stage.sent).toHaveLength(6);
  });
});
