import { configOf } from "../../../src/composition/config.ts";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { createLogger } from "../../../src/kernel/logger.ts";
import type { ConversionWorkerDeps } from "../../../src/modules/conversions/jobs.ts";
import type { NewConversion } from "../../../src/modules/conversions/repository.ts";
import type { GenerateRequest, ImageGenerator } from "../../../src/ports/image-generator.ts";
import { createR2ObjectStore } from "../../../src/providers/cloudflare/r2-object-store.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { bindings, d1, db, insertImage, insertUser } from "./database.ts";

export interface FakeGenerator extends ImageGenerator {
  readonly calls: GenerateRequest[];
}

/** A provider that counts its calls and answers with a fixed picture, or as the test says. */
export function fakeGenerator(answer?: ImageGenerator["generate"]): FakeGenerator {
  const calls: GenerateRequest[] = [];
  return {
    id: "local",
    calls,
    async generate(request, options) {
      calls.push(request);
      if (answer) return answer(request, options);
      return { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64, model: "fake/1", degraded: false };
    },
  };
}

export interface WorkerStage {
  readonly deps: ConversionWorkerDeps;
  readonly userId: string;
  readonly sent: { id: string; delaySeconds: number }[];
  /** Moves the worker's clock. */
  advance(ms: number): void;
  newConversion(change?: Partial<NewConversion>): Promise<string>;
}

/** A worker over the real database and object store, with a clock and a provider in the test's hands. */
export async function workerStage(generator: ImageGenerator): Promise<WorkerStage> {
  const userId = await insertUser();
  const objects = createR2ObjectStore(bindings.BUCKET);
  const personImageId = await insertImage(userId);
  await objects.create(`images/${userId}/${personImageId}/original`, QUADRANT_JPEG, { mime: "image/jpeg" });
  const sent: WorkerStage["sent"] = [];
  let offsetMs = 0;
  const clock = { now: () => Date.now() + offsetMs };
  const deps: ConversionWorkerDeps = {
    config: configOf(bindings, "consumer"),
    clock,
    logger: createLogger({ level: "error", format: "json" }, {}, () => {}),
    conversions: d1.conversions,
    images: createD1ImageRepository(db),
    objects,
    outbox: d1.outbox,
    jobs: {
      async sendConversion(id, options) {
        sent.push({ id, delaySeconds: options?.delaySeconds ?? 0 });
      },
    },
    pictures: {
      shrink: async (image) => image,
      mark: (bytes) => new Uint8Array(bytes),
      thumbnail: async () => new Uint8Array([1]),
    },
    generators: new Map([["local", generator]]),
  };
  return {
    deps,
    userId,
    sent,
    advance(ms) {
      offsetMs += ms;
    },
    async newConversion(change = {}) {
      const conversion = newConversion(userId, conversionInput(personImageId), { createdAt: clock.now(), ...change });
      const conditions = createConditions(conversion.createdAt, { period: "2026-11" });
      const outcome = await d1.conversions.create(conversion, conditions);
      if (outcome.kind !== "created") throw new Error(`not created: ${outcome.kind}`);
      return conversion.id;
    },
  };
}
