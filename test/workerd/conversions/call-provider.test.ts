import { and, eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { providerSpend } from "../../../src/db/d1/schema/index.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { FAILURE_POLICIES } from "../../../src/modules/conversions/failures.ts";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import { circuitOf } from "../../../src/ports/circuit-breaker.ts";
import {
  FREE_FAILURES,
  GENERATION_FAILURES,
  GenerationError,
  type GenerationFailure,
} from "../../../src/ports/image-generator.ts";
import { conversionInput } from "../../factories.ts";
import { bindings, d1, db } from "../support/database.ts";
import {
  type FakeGenerator,
  fakeGenerator,
  outsideGenerator,
  type WorkerStage,
  workerStage,
} from "../support/worker.ts";

const failing = (failure: GenerationFailure, retryAfterMs: number | null = null) =>
  outsideGenerator(async () => {
    throw new GenerationError(failure, "scripted", { retryAfterMs });
  });

const found = async (stage: WorkerStage, id: string) => {
  const conversion = await d1.conversions.find(stage.userId, id);
  if (!conversion) throw new Error("no such conversion");
  return conversion;
};

const circuit = (generator: FakeGenerator) => circuitOf(generator.id, generator.modelFor("style"));

/** A conversion that may fall back. */
const allowed = (stage: WorkerStage) => ({
  input: conversionInput(stage.personImageId, { fallback: "allow" as const }),
});

/** Runs a job until it has ended, an hour at a time at the most. */
async function runToItsEnd(stage: WorkerStage, id: string): Promise<void> {
  for (let i = 0; i < 10 && (await found(stage, id)).status === "queued"; i++) {
    await runConversion(stage.deps, id);
    await stage.background();
    stage.advance(61_000);
  }
}

describe("each class of failure", () => {
  it.each(GENERATION_FAILURES)(
    "%s ends a job that may not fall back with its own code, and charges nothing",
    async (failure) => {
      const generator = failing(failure);
      const stage = await workerStage(generator, fakeGenerator());
      // Circuits keep the time of the world outside and would hold the second attempt up.
      const open = { admit: async () => ({ allowed: true, pass: { circuit: "c", epoch: -1, probe: null } }) as const };
      const deps = { ...stage.deps, circuits: { ...stage.deps.circuits, ...open } };
      const id = await stage.newConversion();
      await runToItsEnd({ ...stage, deps }, id);
      const ended = await found(stage, id);
      expect(ended).toMatchObject({ status: "failed", errorCode: FAILURE_POLICIES[failure].code, result: null });
      expect(ended.usage.state).toBe("released");
      const attempts = { never: 1, once: 2, attempts: stage.deps.config.conversions.maxAttempts };
      expect(generator.calls).toHaveLength(attempts[FAILURE_POLICIES[failure].retry]);
      expect(await stage.deps.objects.head(resultKeys(id).original)).toBeNull();
    },
  );

  it.each(GENERATION_FAILURES)(
    "%s falls back where the request allows it and the class permits it",
    async (failure) => {
      const generator = failing(failure);
      const local = fakeGenerator();
      const stage = await workerStage(generator, local);
      const id = await stage.newConversion(allowed(stage));
      await runConversion(stage.deps, id);
      await stage.background();
      const { mayFallBack, code } = FAILURE_POLICIES[failure];
      expect(generator.calls).toHaveLength(1);
      expect(local.calls).toHaveLength(mayFallBack ? 1 : 0);
      expect(await found(stage, id)).toMatchObject(
        mayFallBack
          ? { status: "succeeded", providerUsed: "local", model: "fake/1", degraded: true }
          : { status: "failed", errorCode: code },
      );
    },
  );

  it("a blocked answer of the provider that took over ends the job: nobody else is asked", async () => {
    const gemini = failing("unavailable");
    const workersAi = outsideGenerator(async () => {
      throw new GenerationError("blocked", "scripted");
    }, "workers-ai");
    const local = fakeGenerator();
    const stage = await workerStage(gemini, workersAi, local);
    const id = await stage.newConversion(allowed(stage));
    await runConversion(stage.deps, id);
    expect([gemini.calls.length, workersAi.calls.length, local.calls.length]).toEqual([1, 1, 0]);
    expect(await found(stage, id)).toMatchObject({ status: "failed", errorCode: "content_blocked" });
  });

  it("nobody of higher quality, or of the same, takes over", async () => {
    const gemini = outsideGenerator();
    const workersAi = outsideGenerator(async () => {
      throw new GenerationError("config", "scripted");
    }, "workers-ai");
    const stage = await workerStage(gemini, workersAi);
    const input = conversionInput(stage.personImageId, { fallback: "allow", providerRequested: "workers-ai" });
    const id = await stage.newConversion({ input });
    await runConversion(stage.deps, id);
    expect(gemini.calls).toHaveLength(0);
    expect(await found(stage, id)).toMatchObject({ status: "failed", errorCode: "provider_misconfigured" });
  });

  it("an answer without a picture is asked for once more, as a picture and nothing else", async () => {
    const generator = failing("no_image");
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    await runToItsEnd(stage, id);
    expect(generator.calls.map(({ imageOnly }) => imageOnly)).toEqual([false, true]);
  });

  it("waits as long as the provider asked, and ends as expired when that is too late", async () => {
    const [soon, late] = [failing("rate_limited", 37_000), failing("rate_limited", 3_600_000)];
    const stage = await workerStage(soon);
    const id = await stage.newConversion();
    const before = stage.deps.clock.now();
    await runConversion(stage.deps, id);
    expect((await found(stage, id)).notBefore - before).toBeGreaterThanOrEqual(37_000);
    expect(stage.sent.at(-1)).toMatchObject({ id, delaySeconds: expect.closeTo(37, -1) });
    const other = await workerStage(late);
    const tooLate = await other.newConversion();
    await runConversion(other.deps, tooLate);
    expect(other.sent).toEqual([]);
    other.advance(600_001);
    await runConversion(other.deps, tooLate);
    expect(await found(other, tooLate)).toMatchObject({ status: "expired", usage: { state: "released" } });
    expect(late.calls).toHaveLength(1);
  });

  it("gives up a call that is not answered in time, within the lease", async () => {
    const generator = outsideGenerator(() => new Promise<never>(() => {}));
    const stage = await workerStage(generator);
    const { config } = stage.deps;
    const conversions = { ...config.conversions, providerTimeoutMs: 50 };
    const id = await stage.newConversion();
    await runConversion({ ...stage.deps, config: { ...config, conversions } }, id);
    expect(await found(stage, id)).toMatchObject({ status: "queued", attempt: 1, lastFailure: "timeout" });
  });
});

describe("a job that is canceled while the provider works", () => {
  it("aborts the call within seconds, drops what comes late and leaves no object", async () => {
    const started = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<number>();
    const generator = outsideGenerator(
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          started.resolve();
          signal.addEventListener("abort", () => {
            aborted.resolve(Date.now());
            reject(signal.reason);
          });
        }),
    );
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    const run = runConversion(stage.deps, id);
    await started.promise;
    const canceledAt = Date.now();
    await d1.conversions.cancel(stage.userId, id, stage.deps.clock.now());
    expect((await aborted.promise) - canceledAt).toBeLessThan(10_000);
    await run;
    expect(await found(stage, id)).toMatchObject({ status: "canceled", usage: { state: "released" } });
    expect((await bindings.BUCKET.list({ prefix: `results/${id}/` })).objects).toEqual([]);
    const [call] = await stage.deps.calls.ofConversion(id);
    expect(call).toMatchObject({ outcome: "aborted", costMicros: 80_000 });
  });
});

describe("circuits", () => {
  /** Five failures in a row open a circuit. */
  async function opened(generator: FakeGenerator) {
    const stage = await workerStage(generator, fakeGenerator());
    for (let i = 0; i < 5; i++) {
      await runConversion(stage.deps, await stage.newConversion());
      await stage.background();
    }
    expect(await stage.deps.circuits.state(circuit(generator))).toMatchObject({ state: "open", reason: "failures" });
    return stage;
  }

  it("an open circuit puts a job back without spending an attempt or a call, and tells the operators once", async () => {
    const generator = failing("unavailable");
    const stage = await opened(generator);
    expect(stage.alerts).toEqual([expect.objectContaining({ name: "circuit_opened", about: circuit(generator) })]);
    const id = await stage.newConversion();
    for (let i = 0; i < 3; i++) {
      const before = stage.deps.clock.now();
      await runConversion(stage.deps, id);
      const waiting = await found(stage, id);
      expect(waiting).toMatchObject({ status: "queued", attempt: 0, usage: { state: "reserved" } });
      expect(waiting.notBefore - before).toBeGreaterThan(1_000);
      expect(waiting.notBefore - before).toBeLessThanOrEqual(32_500);
      stage.advance(33_000);
    }
    expect(generator.calls).toHaveLength(5);
    expect(await stage.deps.calls.ofConversion(id)).toEqual([]);
  });

  it("an open circuit is a reason to fall back", async () => {
    const stage = await opened(failing("unavailable"));
    const id = await stage.newConversion(allowed(stage));
    await runConversion(stage.deps, id);
    expect(await found(stage, id)).toMatchObject({ status: "succeeded", providerUsed: "local", degraded: true });
  });

  it.each([
    ["config", "provider_misconfigured"],
    ["quota_day", "provider_rate_limited"],
  ] as const)(
    "a circuit opened by %s fails the next job as that would: waiting helps nobody",
    async (failure, code) => {
      const generator = failing(failure, 3_600_000);
      const stage = await workerStage(generator);
      await runConversion(stage.deps, await stage.newConversion());
      await stage.background();
      const id = await stage.newConversion();
      await runConversion(stage.deps, id);
      expect(generator.calls).toHaveLength(1);
      expect(await found(stage, id)).toMatchObject({ status: "failed", errorCode: code });
      expect(stage.alerts).toHaveLength(1);
    },
  );

  it("refused pictures and blocked requests say nothing about the provider's health", async () => {
    for (const failure of ["invalid_input", "blocked", "no_image"] as const) {
      const generator = failing(failure);
      const stage = await workerStage(generator);
      for (let i = 0; i < 6; i++) await runConversion(stage.deps, await stage.newConversion());
      await stage.background();
      expect(await stage.deps.circuits.state(circuit(generator))).toMatchObject({ state: "closed", failures: 0 });
    }
  });

  it("a provider that is wanted and not set up fails the job and tells the operators", async () => {
    const stage = await workerStage(fakeGenerator());
    const input = conversionInput(stage.personImageId, { providerRequested: "gemini" });
    const id = await stage.newConversion({ input });
    const { config } = stage.deps;
    const model = `missing-${crypto.randomUUID()}`;
    const models = [{ provider: "gemini", model }] as const;
    const providers = { ...config.providers, available: ["gemini", "local"] as const, models };
    const deps = { ...stage.deps, config: { ...config, providers } };
    await runConversion(deps, id);
    await stage.background();
    const another = await stage.newConversion({ input });
    await runConversion(deps, another);
    expect(await found(stage, another)).toMatchObject({ status: "failed", errorCode: "provider_misconfigured" });
    expect(await stage.deps.circuits.state(circuitOf("gemini", model))).toMatchObject({
      state: "open",
      reason: "config",
    });
    expect(await found(stage, id)).toMatchObject({ status: "failed", errorCode: "provider_misconfigured" });
    expect(stage.alerts).toMatchObject([{ name: "circuit_opened", about: `gemini:${model}` }]);
  });
});

describe("what calls cost", () => {
  const spendOf = (generator: FakeGenerator) =>
    db
      .select()
      .from(providerSpend)
      .where(and(eq(providerSpend.provider, generator.id), eq(providerSpend.model, generator.modelFor("style"))));

  it("is on record for each call, by what the provider told, and summed up by day and model", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const ids = [await stage.newConversion(), await stage.newConversion()];
    for (const id of ids) await runConversion(stage.deps, id);
    await stage.background();
    for (const id of ids) {
      expect(await stage.deps.calls.ofConversion(id)).toMatchObject([
        {
          provider: "gemini",
          attempt: 1,
          outcome: "success",
          promptTokens: 600,
          outputTokens: 1_200,
          costMicros: 40_000,
        },
      ]);
    }
    expect(await spendOf(generator)).toMatchObject([
      { calls: 2, succeeded: 2, failed: 0, promptTokens: 1_200, outputTokens: 2_400, costMicros: 80_000 },
    ]);
  });

  it.each(GENERATION_FAILURES)(
    "%s counts what it was expected to cost, unless it came before any work",
    async (failure) => {
      const generator = failing(failure);
      const stage = await workerStage(generator);
      const id = await stage.newConversion();
      await runConversion(stage.deps, id);
      const costMicros = FREE_FAILURES.has(failure) ? 0 : 80_000;
      expect(await stage.deps.calls.ofConversion(id)).toMatchObject([{ outcome: failure, costMicros }]);
      expect(await spendOf(generator)).toMatchObject([{ calls: 1, succeeded: 0, failed: 1, costMicros }]);
    },
  );

  it("of a worker that died in the middle goes on counting", async () => {
    const generator = outsideGenerator(() => new Promise<never>(() => {}));
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    void runConversion(stage.deps, id);
    await expect.poll(() => generator.calls.length).toBe(1);
    expect(await stage.deps.calls.ofConversion(id)).toMatchObject([{ outcome: "pending", costMicros: 80_000 }]);
  });

  it("stops at the day's budget exactly, opens the circuit with that reason and tells the operators", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator, fakeGenerator());
    const { config } = stage.deps;
    // What earlier tests left open would be waited for.
    for (const { id } of await stage.deps.calls.listPending(Date.now() + 60_000, 1_000)) {
      await stage.deps.calls.settle(id, { outcome: "aborted", usage: null, free: true, endedAt: Date.now() });
    }
    const spent = (await db.select().from(providerSpend)).reduce((sum, row) => sum + row.costMicros, 0);
    // Room for two calls that cost 40,000 and may cost 80,000.
    const providers = { ...config.providers, dailyBudgetMicros: spent + 120_000 };
    const deps = { ...stage.deps, config: { ...config, providers } };
    const ids = await Promise.all(Array.from({ length: 5 }, () => stage.newConversion()));
    for (const id of ids) {
      await runConversion(deps, id);
      await stage.background();
    }
    const statuses = await Promise.all(ids.map(async (id) => (await found(stage, id)).status));
    expect(statuses).toEqual(["succeeded", "succeeded", "failed", "failed", "failed"]);
    expect(generator.calls).toHaveLength(2);
    expect(await found(stage, ids[4] as string)).toMatchObject({ errorCode: "provider_rate_limited" });
    expect(await deps.circuits.state(circuit(generator))).toMatchObject({ state: "open", reason: "budget" });
    expect(stage.alerts.map(({ name }) => name)).toEqual(["budget_spent"]);
    const fallingBack = await stage.newConversion(allowed(stage));
    await runConversion(deps, fallingBack);
    expect(await found(stage, fallingBack)).toMatchObject({ status: "succeeded", providerUsed: "local" });
  });
});
