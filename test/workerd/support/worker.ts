import { configOf } from "../../../src/composition/config.ts";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { createLogger } from "../../../src/kernel/logger.ts";
import type { ConversionWorkerDeps } from "../../../src/modules/conversions/jobs.ts";
import type { NewConversion } from "../../../src/modules/conversions/repository.ts";
import type { Alert } from "../../../src/ports/alerts.ts";
import { noAnalytics } from "../../../src/ports/analytics.ts";
import { noErrorReporter } from "../../../src/ports/error-reporter.ts";
import type { GenerateRequest, ImageGenerator, ProviderId } from "../../../src/ports/image-generator.ts";
import { noMetrics } from "../../../src/ports/metrics.ts";
import { noTracer } from "../../../src/ports/tracer.ts";
import { createCircuitBreakers } from "../../../src/providers/cloudflare/circuit-breakers.ts";
import { createR2ObjectStore } from "../../../src/providers/cloudflare/r2-object-store.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { bindings, d1, db, insertImage, insertUser } from "./database.ts";

export interface FakeGenerator extends ImageGenerator {
  readonly calls: GenerateRequest[];
}

export interface FakeOptions {
  readonly id?: ProviderId;
  readonly model?: string;
  /** In millionths of a dollar; a provider that costs nothing has no circuit and leaves no record. */
  readonly costMicros?: number;
}

const USED = { promptTokens: 600, outputTokens: 1_200 };

/** A provider that counts its calls and answers with a fixed picture, or as the test says. */
export function fakeGenerator(answer?: ImageGenerator["generate"], options: FakeOptions = {}): FakeGenerator {
  const { id = "local", model = "fake/1", costMicros = 0 } = options;
  const calls: GenerateRequest[] = [];
  return {
    id,
    outside: costMicros > 0,
    calls,
    modelFor: () => model,
    expectedCostMicros: () => costMicros * 2,
    async generate(request, context) {
      calls.push(request);
      if (answer) return answer(request, context);
      return { bytes: QUADRANT_JPEG, mime: "image/jpeg", model, degraded: false, usage: { ...USED, costMicros } };
    },
  };
}

let models = 0;

/** A provider outside, with a circuit of its own: no other test opens it. */
export function outsideGenerator(answer?: ImageGenerator["generate"], id: ProviderId = "gemini"): FakeGenerator {
  models += 1;
  return fakeGenerator(answer, { id, model: `model-${models}-${crypto.randomUUID()}`, costMicros: 40_000 });
}

export interface WorkerStage {
  readonly deps: ConversionWorkerDeps;
  readonly userId: string;
  readonly personImageId: string;
  readonly sent: { id: string; delaySeconds: number }[];
  readonly alerts: Alert[];
  /** Moves the worker's clock. */
  advance(ms: number): void;
  /** Resolves when the work in the background is done. */
  background(): Promise<unknown>;
  newConversion(change?: Partial<NewConversion>): Promise<string>;
}

/** A worker over the real database, object store and breakers, with a clock and providers in the test's hands. */
export async function workerStage(...generators: readonly ImageGenerator[]): Promise<WorkerStage> {
  const userId = await insertUser();
  const objects = createR2ObjectStore(bindings.BUCKET);
  const personImageId = await insertImage(userId, { mime: "image/jpeg", width: 96, height: 64 });
  await objects.create(`images/${userId}/${personImageId}/original`, QUADRANT_JPEG, { mime: "image/jpeg" });
  const sent: WorkerStage["sent"] = [];
  const alerts: Alert[] = [];
  const pending: Promise<unknown>[] = [];
  let offsetMs = 0;
  const clock = { now: () => Date.now() + offsetMs };
  const config = configOf(bindings, "consumer");
  const available = generators.map(({ id }) => id);
  const deps: ConversionWorkerDeps = {
    config: {
      ...config,
      providers: { ...config.providers, default: available[0] ?? "local", available },
    },
    clock,
    logger: createLogger({ level: "error", format: "json" }, {}, () => {}),
    background: (task) => void pending.push(task),
    metrics: noMetrics,
    tracer: noTracer,
    errors: noErrorReporter,
    analytics: noAnalytics,
    alerts: { raise: (alert) => void alerts.push(alert) },
    conversions: d1.conversions,
    calls: createD1ProviderCalls(db),
    deadLetters: createD1DeadLetters(db),
    objects,
    outbox: d1.outbox,
    jobs: {
      async sendConversion(id, options) {
        sent.push({ id, delaySeconds: options?.delaySeconds ?? 0 });
      },
    },
    pictures: {
      shrink: (load) => load(),
      finish: async ({ bytes }, { outputMime }) => ({
        bytes: new Uint8Array(bytes),
        mime: outputMime,
        width: 96,
        height: 64,
        thumbnail: new Uint8Array([1]),
        smallThumbnail: new Uint8Array([2]),
      }),
    },
    circuits: createCircuitBreakers(bindings.CIRCUIT_BREAKER),
    generators: new Map(generators.map((generator) => [generator.id, generator])),
  };
  return {
    deps,
    userId,
    personImageId,
    sent,
    alerts,
    advance(ms) {
      offsetMs += ms;
    },
    background: () => Promise.all(pending.splice(0)),
    async newConversion(change = {}) {
      const conversion = newConversion(userId, conversionInput(personImageId), { createdAt: clock.now(), ...change });
      const conditions = createConditions(conversion.createdAt, { period: "2026-11" });
      const outcome = await d1.conversions.create(conversion, conditions);
      if (outcome.kind !== "created") throw new Error(`not created: ${outcome.kind}`);
      return conversion.id;
    },
  };
}

/** Storage of a worker that freezes on the way to storing. `storing` is fulfilled once it has come so far. */
export function frozenStorage({ objects }: WorkerStage["deps"]) {
  const storing = Promise.withResolvers<void>();
  const thaw = Promise.withResolvers<void>();
  const create: typeof objects.create = async (...args) => {
    storing.resolve();
    await thaw.promise;
    return objects.create(...args);
  };
  return { create, storing: storing.promise, thaw: thaw.resolve };
}

/** Keys of what is stored of a conversion's result, sorted. */
export async function storedOf(id: string): Promise<string[]> {
  return (await bindings.BUCKET.list({ prefix: `results/${id}/` })).objects.map(({ key }) => key).sort();
}
