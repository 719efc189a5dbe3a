import { describe, expect, it } from "vitest";
import { SlotBusyError } from "../../../src/kernel/slot.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { LEASE_MS, runConversion, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import type { GeneratedImage } from "../../../src/ports/image-generator.ts";
import { conversionInput } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { d1 } from "../support/database.ts";
import {
  fakeGenerator,
  frozenStorage,
  outsideGenerator,
  storedOf,
  type WorkerStage,
  workerStage,
} from "../support/worker.ts";

type Deps = WorkerStage["deps"];

const dead = () => new Promise<never>(() => {});
const picture = (last: number): GeneratedImage => ({
  bytes: new Uint8Array([...QUADRANT_JPEG, last]),
  mime: "image/jpeg",
  model: "m",
  degraded: false,
  usage: null,
});

/** Circuits keep the time of the world outside; these let everything through. */
const open: Deps["circuits"] = {
  admit: async (circuit) => ({ allowed: true, pass: { circuit, epoch: -1, probe: null } }),
  report: async () => null,
  state: () => Promise.reject(new Error("not asked")),
  force: () => Promise.reject(new Error("not asked")),
};
const down: Deps["circuits"] = {
  ...open,
  admit: async () => ({ allowed: false, reason: "failures", retryAfterMs: 1_000 }),
};

async function statusOf(id: string) {
  return (await d1.conversions.inspect(id))?.status;
}

/** A worker that doesn't notice that it lost its job before it writes. */
function unaware(deps: Deps): Deps {
  return { ...deps, circuits: open, conversions: { ...deps.conversions, holdsLease: dead } };
}

describe("a worker that comes back after another one's success", () => {
  it("leaves none of the result it stores, where that success has been deleted", async () => {
    const stage = await workerStage(fakeGenerator());
    const id = await stage.newConversion();
    const { create, storing, thaw } = frozenStorage(stage.deps);
    const objects: Deps["objects"] = { ...stage.deps.objects, create };
    const frozen = runConversion({ ...unaware(stage.deps), objects }, id);
    await storing;
    stage.advance(LEASE_MS + 1);
    await runConversion(stage.deps, id);
    expect(await statusOf(id)).toBe("succeeded");
    await d1.conversions.remove(stage.userId, id, stage.deps.clock.now());
    stage.advance(61_000);
    await sweepConversions(stage.deps);
    expect(await storedOf(id)).toEqual([]);
    thaw();
    expect(await frozen).toMatchObject({ outcome: "taken_away" });
    expect(await storedOf(id)).toEqual([]);
  });

  it("leaves the result alone, and nothing of the answer it was given", async () => {
    const asked = Promise.withResolvers<void>();
    const reply = Promise.withResolvers<void>();
    let calls = 0;
    const generator = outsideGenerator(async () => {
      if (++calls > 1) return picture(2);
      asked.resolve();
      await reply.promise;
      return picture(1);
    });
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    const frozen = runConversion(unaware(stage.deps), id);
    await asked.promise;
    stage.advance(LEASE_MS + 1);
    await runConversion({ ...stage.deps, circuits: open }, id);
    await stage.background();
    reply.resolve();
    expect(await frozen).toMatchObject({ outcome: "taken_away" });
    expect(await statusOf(id)).toBe("succeeded");
    expect(await storedOf(id)).toEqual(Object.values(resultKeys(id)).sort());
  });
});

describe("thumbnails", () => {
  it("of a fallback's picture that was not stored make way for those of the picture that is", async () => {
    const stage = await workerStage(
      outsideGenerator(async () => picture(7)),
      fakeGenerator(async () => picture(3)),
    );
    const id = await stage.newConversion({ input: { ...conversionInput(stage.personImageId), fallback: "allow" } });
    const finish: Deps["pictures"]["finish"] = async ({ bytes }, { outputMime }) => {
      const last = new Uint8Array([bytes.at(-1) ?? 0]);
      return { bytes: last, mime: outputMime, width: 96, height: 64, thumbnail: last, smallThumbnail: last };
    };
    const deps = { ...stage.deps, pictures: { ...stage.deps.pictures, finish } };
    const { create } = deps.objects;
    const objects: Deps["objects"] = {
      ...deps.objects,
      create: (...args) => (args[0] === resultKeys(id).original ? Promise.reject(new Error("no")) : create(...args)),
    };
    await runConversion({ ...deps, circuits: down, objects }, id);
    expect(await storedOf(id)).toHaveLength(2);
    stage.advance(10_000);
    await runConversion({ ...deps, circuits: open }, id);
    const { original, thumbnail, smallThumbnail } = resultKeys(id);
    const stored = [original, thumbnail, smallThumbnail].map(async (key) => (await deps.objects.get(key))?.bytes());
    expect((await Promise.all(stored)).map((bytes) => bytes?.[0])).toEqual([7, 7, 7]);
    expect(await statusOf(id)).toBe("succeeded");
  });
});

describe("a job whose attempts are spent", () => {
  it("waits for room to finish an answer that was paid for, as long as it has time", async () => {
    const generator = outsideGenerator();
    const stage = await workerStage(generator);
    const id = await stage.newConversion();
    const failing = (error: Error): Deps => ({
      ...stage.deps,
      circuits: open,
      pictures: { ...stage.deps.pictures, finish: () => Promise.reject(error) },
    });
    for (let i = 0; i < 4; i++) {
      await runConversion(failing(new Error("the codec is down")), id);
      stage.advance(40_000);
    }
    expect(await d1.conversions.inspect(id)).toMatchObject({ status: "queued", attempt: 4 });
    for (let i = 0; i < 3; i++) {
      await runConversion(failing(new SlotBusyError("busy")), id);
      expect(await statusOf(id)).toBe("queued");
      stage.advance(10_000);
    }
    await runConversion({ ...stage.deps, circuits: open }, id);
    expect(await statusOf(id)).toBe("succeeded");
    expect(generator.calls).toHaveLength(1);
  });
});

describe("promises that can't be kept now", () => {
  it("don't keep the sweeper from those behind them, however many they are", async () => {
    const stage = await workerStage(fakeGenerator());
    const promise = (name: string, dueAt: number) => {
      const id = `obx_${name}_${crypto.randomUUID()}`;
      return d1.outbox.promiseDeletion({ id, keys: [name], dueAt, now: 1 }).then(() => id);
    };
    await Promise.all(Array.from({ length: 150 }, (_, i) => promise(`bad/${i}`, 10)));
    const good = await promise("good", 11);
    const objects: Deps["objects"] = {
      ...stage.deps.objects,
      delete: async ([key = ""]) => {
        if (key.startsWith("bad/")) throw new Error("not now");
      },
    };
    for (let i = 0; i < 2; i++) await sweepConversions({ ...stage.deps, objects });
    expect(await d1.outbox.find(good)).toBeNull();
    stage.advance(60_000);
    await sweepConversions(stage.deps);
    await sweepConversions(stage.deps);
    expect(await d1.outbox.listDue(["objects.delete"], stage.deps.clock.now(), 1)).toEqual([]);
  });
});
