import { describe, expect, it } from "vitest";
import { SlotBusyError } from "../../../src/kernel/slot.ts";
import { answerKey, resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { LEASE_MS, runConversion, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import { GenerationError, type GenerationFailure } from "../../../src/ports/image-generator.ts";
import { conversionInput } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { bindings, d1 } from "../support/database.ts";
import { mortal } from "../support/mortal.ts";
import { fakeGenerator, outsideGenerator, type WorkerStage, workerStage } from "../support/worker.ts";

const statusOf = async (stage: WorkerStage, id: string) => (await d1.conversions.find(stage.userId, id))?.status;
const picturesThat = (stage: WorkerStage, finish: WorkerStage["deps"]["pictures"]["finish"]) => ({
  ...stage.deps,
  pictures: { ...stage.deps.pictures, finish },
});

/** Circuits keep the time of the world outside; these let everything through. */
const open: WorkerStage["deps"]["circuits"] = {
  admit: async (circuit) => ({ allowed: true, pass: { circuit, epoch: -1, probe: null } }),
  report: async () => null,
  state: () => Promise.reject(new Error("not asked")),
  force: () => Promise.reject(new Error("not asked")),
};

/** Runs a job again and again, as if each wait were over at once. */
async function runOften(stage: WorkerStage, deps: WorkerStage["deps"], id: string, times = 12): Promise<void> {
  for (let i = 0; i < times && (await statusOf(stage, id)) === "queued"; i++) {
    await runConversion(deps, id);
    await stage.background();
    stage.advance(40_000);
  }
}

describe("a picture that was paid for", () => {
  it("is not paid for again while its turn at the codecs doesn't come", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    let busy = 5;
    const finish = stage.deps.pictures.finish;
    const deps = picturesThat(stage, async (...args) => {
      if (busy-- > 0) throw new SlotBusyError("busy");
      return finish(...args);
    });
    await runOften(stage, deps, id);
    expect(await statusOf(stage, id)).toBe("succeeded");
    expect(generator.calls).toHaveLength(1);
  });

  it("is not paid for again when what comes after it fails, and goes once a result has been made of it", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    await runConversion(
      picturesThat(stage, async () => {
        throw new Error("storage is down");
      }),
      id,
    );
    expect(await stage.deps.objects.head(answerKey(id))).not.toBeNull();
    stage.advance(5_000);
    await runConversion(stage.deps, id);
    await stage.background();
    expect(await statusOf(stage, id)).toBe("succeeded");
    expect(generator.calls).toHaveLength(1);
    const { objects } = await bindings.BUCKET.list({ prefix: `results/${id}/` });
    expect(objects.map(({ key }) => key).sort()).toEqual(Object.values(resultKeys(id)).sort());
  });

  it("goes within a minute where the worker died before it could see to it", async () => {
    const stage = await workerStage(outsideGenerator());
    const id = await stage.newConversion();
    await runConversion({ ...stage.deps, background: () => {} }, id);
    expect(await stage.deps.objects.head(answerKey(id))).not.toBeNull();
    stage.advance(61_000);
    await sweepConversions(stage.deps);
    expect(await stage.deps.objects.head(answerKey(id))).toBeNull();
    expect(await stage.deps.objects.head(resultKeys(id).original)).not.toBeNull();
  });

  it("is asked for anew where it turns out to be no picture", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    const deps = picturesThat(stage, async () => {
      throw new GenerationError("no_image", "1 × 1 px");
    });
    await runOften(stage, { ...deps, circuits: open }, id);
    expect(generator.calls).toHaveLength(2);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "failed", errorCode: "no_image" });
    expect(await stage.deps.objects.head(answerKey(id))).toBeNull();
  });

  it("gives result and thumbnails of one answer, though the worker dies between them and another answer would differ", async () => {
    let made = 0;
    const generator = outsideGenerator(async () => {
      made++;
      const bytes = new Uint8Array([...QUADRANT_JPEG, made]);
      return { bytes, mime: "image/jpeg", model: "m", degraded: false, usage: null };
    });
    const stage = await workerStage(generator);
    const finish: WorkerStage["deps"]["pictures"]["finish"] = async ({ bytes }, { outputMime }) => {
      const last = new Uint8Array([bytes.at(-1) ?? 0]);
      return { bytes: last, mime: outputMime, width: 96, height: 64, thumbnail: last, smallThumbnail: last };
    };
    const deps = picturesThat(stage, finish);
    for (let dieAt = 10; dieAt < 24; dieAt++) {
      const id = await stage.newConversion();
      void runConversion(mortal(deps, { dieAt, dies: "after" }).deps, id);
      await new Promise((resolve) => setTimeout(resolve, 60));
      stage.advance(LEASE_MS + 1);
      await runConversion(deps, id);
      const bytesOf = async (key: string) => (await (await stage.deps.objects.get(key))?.bytes())?.at(0);
      const keys = resultKeys(id);
      const original = await bytesOf(keys.original);
      expect(original, `after call ${dieAt}`).toBeDefined();
      expect([await bytesOf(keys.thumbnail), await bytesOf(keys.smallThumbnail)]).toEqual([original, original]);
    }
  });

  it.each(["dies", "fails"] as const)("is used though the worker %s in its last attempt", async (how) => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const { config } = stage.deps;
    const last = { ...config, conversions: { ...config.conversions, maxAttempts: 1 } };
    const id = await stage.newConversion();
    const broken = picturesThat(stage, () =>
      how === "dies" ? new Promise<never>(() => {}) : Promise.reject(new Error("storage is down")),
    );
    const run = runConversion({ ...broken, config: last }, id);
    await expect.poll(() => stage.deps.objects.head(answerKey(id))).not.toBeNull();
    if (how === "fails") await run;
    stage.advance(LEASE_MS + 1);
    await runConversion({ ...stage.deps, config: last }, id);
    expect(await statusOf(stage, id)).toBe("succeeded");
    expect(generator.calls).toHaveLength(1);
  });

  it("is tried once more and no oftener when nothing can be made of it after the last attempt", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const { config } = stage.deps;
    let tries = 0;
    const deps = picturesThat(stage, async () => {
      tries++;
      throw new Error("storage is down");
    });
    const id = await stage.newConversion();
    await runOften(
      stage,
      { ...deps, config: { ...config, conversions: { ...config.conversions, maxAttempts: 1 } } },
      id,
    );
    expect([tries, generator.calls.length]).toEqual([2, 1]);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "failed", errorCode: "worker_lost" });
    stage.advance(11 * 60_000);
    await sweepConversions(stage.deps);
    expect((await bindings.BUCKET.list({ prefix: `results/${id}/` })).objects).toEqual([]);
  });

  it("that is still being finished when the time is up ends as expired, not as lost", async () => {
    const stage = await workerStage(outsideGenerator());
    const { config } = stage.deps;
    const last = { ...config, conversions: { ...config.conversions, maxAttempts: 1 } };
    const id = await stage.newConversion();
    await runConversion(
      { ...picturesThat(stage, () => Promise.reject(new Error("storage is down"))), config: last },
      id,
    );
    stage.advance(5_000);
    const late = picturesThat(stage, async () => {
      stage.advance(11 * 60_000);
      throw new Error("storage is down");
    });
    await runConversion({ ...late, config: last }, id);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
      status: "expired",
      errorCode: null,
      usage: { state: "released" },
    });
  });

  it("that can't be kept costs an attempt when there is no room to finish it", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const { maxAttempts } = stage.deps.config.conversions;
    const deps = {
      ...picturesThat(stage, async () => {
        throw new SlotBusyError("busy");
      }),
      circuits: open,
      objects: { ...stage.deps.objects, create: () => Promise.reject(new Error("R2 is down")) },
    };
    const id = await stage.newConversion();
    await runOften(stage, deps, id);
    expect(generator.calls).toHaveLength(maxAttempts);
  });

  it("is not waited for by its entry in the books", async () => {
    const stage = await workerStage(outsideGenerator());
    const id = await stage.newConversion();
    const calls = { ...stage.deps.calls, settle: () => new Promise<never>(() => {}) };
    await runConversion({ ...stage.deps, calls }, id);
    expect(await statusOf(stage, id)).toBe("succeeded");
  });
});

describe("a job whose providers fail one after the other", () => {
  const failing = (failure: GenerationFailure, id: "gemini" | "workers-ai") =>
    outsideGenerator(async () => {
      throw new GenerationError(failure, "scripted");
    }, id);
  const fallingBack = (stage: WorkerStage) => ({
    input: conversionInput(stage.personImageId, { fallback: "allow" as const }),
  });
  const closedBut = (circuitId: string): WorkerStage["deps"]["circuits"] => ({
    ...open,
    admit: async (circuit) =>
      circuit.startsWith(circuitId) ? { allowed: false, reason: "failures", retryAfterMs: 5_000 } : open.admit(circuit),
  });

  it("counts the attempt where one was asked, though the one that was wanted could not be", async () => {
    const gemini = outsideGenerator();
    const workersAi = failing("no_image", "workers-ai");
    const stage = await workerStage(gemini, workersAi);
    const id = await stage.newConversion(fallingBack(stage));
    await runOften(stage, { ...stage.deps, circuits: closedBut("gemini") }, id);
    expect([gemini.calls.length, workersAi.calls.length]).toEqual([0, 2]);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "failed", errorCode: "no_image" });
  });

  it("counts the attempt of a paid call, though the local engine was only busy", async () => {
    const gemini = failing("no_image", "gemini");
    const local = fakeGenerator(async () => {
      throw new SlotBusyError("busy");
    });
    const stage = await workerStage(gemini, local);
    const id = await stage.newConversion(fallingBack(stage));
    await runOften(stage, { ...stage.deps, circuits: open }, id);
    expect(gemini.calls).toHaveLength(2);
    expect(await statusOf(stage, id)).toBe("failed");
  });

  it("tries again what may be tried again, though the one that was wanted has no quota left", async () => {
    const gemini = failing("quota_day", "gemini");
    let ill = true;
    const workersAi = outsideGenerator(async (request, options) => {
      if (ill) throw new GenerationError("unavailable", "for a moment");
      return fakeGenerator().generate(request, options);
    }, "workers-ai");
    const stage = await workerStage(gemini, workersAi);
    const id = await stage.newConversion(fallingBack(stage));
    await runConversion({ ...stage.deps, circuits: open }, id);
    expect(await statusOf(stage, id)).toBe("queued");
    ill = false;
    stage.advance(5_000);
    await runConversion({ ...stage.deps, circuits: closedBut("gemini") }, id);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
      status: "succeeded",
      providerUsed: "workers-ai",
    });
  });

  it("sends a blocked request to nobody else, though the worker died before it could end the job", async () => {
    const gemini = failing("blocked", "gemini");
    const workersAi = outsideGenerator(undefined, "workers-ai");
    const stage = await workerStage(gemini, workersAi);
    const id = await stage.newConversion(fallingBack(stage));
    const dying = { ...stage.deps.conversions, fail: () => new Promise<never>(() => {}) };
    void runConversion({ ...stage.deps, conversions: dying }, id);
    await expect.poll(async () => (await stage.deps.calls.ofConversion(id))[0]?.outcome).toBe("blocked");
    stage.advance(LEASE_MS + 1);
    await runConversion({ ...stage.deps, circuits: closedBut("gemini") }, id);
    expect([gemini.calls.length, workersAi.calls.length]).toEqual([1, 0]);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
      status: "failed",
      errorCode: "content_blocked",
    });
  });

  it("tries both once more when both fail alike", async () => {
    const [gemini, workersAi] = [failing("timeout", "gemini"), failing("timeout", "workers-ai")];
    const stage = await workerStage(gemini, workersAi);
    const id = await stage.newConversion(fallingBack(stage));
    await runOften(stage, { ...stage.deps, circuits: open }, id);
    expect([gemini.calls.length, workersAi.calls.length]).toEqual([2, 2]);
    expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "failed", attempt: 2 });
  });

  it("allows one more attempt for each class, whatever failed in between", async () => {
    const turns: GenerationFailure[] = ["no_image", "timeout", "no_image", "timeout", "no_image"];
    const gemini = outsideGenerator(async () => {
      throw new GenerationError(turns[gemini.calls.length - 1] ?? "no_image", "scripted");
    });
    const stage = await workerStage(gemini);
    const id = await stage.newConversion();
    await runOften(stage, { ...stage.deps, circuits: open }, id);
    expect(gemini.calls).toHaveLength(3);
  });
});

it("a result that is stored is not thrown away when the database fails at the last attempt", async () => {
  const stage = await workerStage(fakeGenerator());
  const { config, conversions } = stage.deps;
  const id = await stage.newConversion();
  let failing = true;
  const flaky: typeof conversions.succeed = async (...args) => {
    if (!failing) return conversions.succeed(...args);
    failing = false;
    throw new Error("D1 is down for a moment");
  };
  await runConversion(
    {
      ...stage.deps,
      config: { ...config, conversions: { ...config.conversions, maxAttempts: 1 } },
      conversions: { ...conversions, succeed: flaky },
    },
    id,
  );
  expect(await statusOf(stage, id)).toBe("succeeded");
});

it("a provider that asks no price has a circuit and a record all the same", async () => {
  const generator = { ...outsideGenerator(), expectedCostMicros: () => 0 };
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  await runConversion(stage.deps, id);
  await stage.background();
  expect(await stage.deps.calls.ofConversion(id)).toMatchObject([{ outcome: "success" }]);
});

it("a budget that is only reserved is waited for; it is spent when it is spent", async () => {
  const generator = outsideGenerator();
  const stage = await workerStage(generator);
  const id = await stage.newConversion();
  const refusing = (admission: "full" | "spent") => ({
    ...stage.deps,
    calls: { ...stage.deps.calls, begin: async () => admission },
  });
  await runConversion(refusing("full"), id);
  await stage.background();
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "queued", attempt: 0 });
  expect(stage.alerts).toEqual([]);
  stage.advance(15_000);
  await runConversion(refusing("spent"), id);
  await stage.background();
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({
    status: "failed",
    errorCode: "provider_rate_limited",
  });
  expect(stage.alerts.map(({ name }) => name)).toEqual(["budget_spent"]);
  expect(generator.calls).toEqual([]);
});

it("a message that comes a moment too early is sent again for when its job is due", async () => {
  const stage = await workerStage(
    fakeGenerator(async () => {
      throw new GenerationError("rate_limited", "slow down", { retryAfterMs: 5_000 });
    }),
  );
  const id = await stage.newConversion();
  await runConversion(stage.deps, id);
  stage.sent.length = 0;
  await runConversion(stage.deps, id);
  expect(stage.sent).toEqual([]);
  stage.advance(3_500);
  await runConversion(stage.deps, id);
  expect(stage.sent).toEqual([{ id, delaySeconds: 2 }]);
});
