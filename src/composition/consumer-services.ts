import { drizzle } from "drizzle-orm/d1";
import { createD1ConversionRepository } from "../db/d1/repositories/conversions.ts";
import { createD1DeadLetters } from "../db/d1/repositories/dead-letters.ts";
import { createD1Housekeeping } from "../db/d1/repositories/housekeeping.ts";
import { createD1Orphans } from "../db/d1/repositories/orphans.ts";
import { createD1OutboxRepository } from "../db/d1/repositories/outbox.ts";
import { createD1ProviderCalls } from "../db/d1/repositories/provider-calls.ts";
import { createD1Retention } from "../db/d1/repositories/retention.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Config } from "../kernel/config.ts";
import { createSlot } from "../kernel/slot.ts";
import type { ConversionWorkerDeps, OrphanRecords, ResultPictures, Retention } from "../modules/conversions/jobs.ts";
import type { Housekeeping } from "../ports/housekeeping.ts";
import type { ImageGenerator, ProviderId } from "../ports/image-generator.ts";
import type { ImageProcessor } from "../ports/image-processor.ts";
import { createCircuitBreakers } from "../providers/cloudflare/circuit-breakers.ts";
import { transformImage } from "../providers/cloudflare/images-binding.ts";
import { meteredDatabase } from "../providers/cloudflare/metered-database.ts";
import { createQueueJobQueue } from "../providers/cloudflare/queue-job-queue.ts";
import { createR2ObjectStore } from "../providers/cloudflare/r2-object-store.ts";
import { createGeminiGenerator } from "../providers/gemini/gemini-image-generator.ts";
import { promptFor } from "../providers/image-models/prompts.ts";
import { finishResult } from "../providers/image-processing/finish-result.ts";
import { fitInto } from "../providers/image-processing/fit-into.ts";
import { type ImageProcessing, prepareImage, shrinkSource } from "../providers/image-processing/prepare-image.ts";
import { createJsquashCodec } from "../providers/jsquash/image-codec.ts";
import { jsquashModules } from "../providers/jsquash/wasm-modules.ts";
import { createLocalImageGenerator } from "../providers/local-engine/local-image-generator.ts";
import { createWorkersAiGenerator } from "../providers/workers-ai/workers-ai-image-generator.ts";
import { configOf } from "./config.ts";
import { createTelemetry } from "./telemetry.ts";

/** Decoded pixels are the largest thing in an isolate's memory: only one job at a time may hold any. */
const onePictureAtATime = createSlot({ maxWaiting: 16, maxWaitMs: 20_000, staleMs: 30_000 });
/** Originals in full size, on their way to a smaller one. */
const aFewSources = createSlot({ size: 2, maxWaiting: 64, maxWaitMs: 60_000, staleMs: 60_000 });
const FINISH_WAIT_MS = 80_000;
/** A job holds its encoded pictures, and a model's request and answer, from its claim to its end. */
const aFewJobs = createSlot({ size: 6, maxWaiting: 64, maxWaitMs: 60_000, staleMs: 5 * 60_000 });
const codec = createJsquashCodec(jsquashModules);

function processingOf(env: ConsumerEnv): ImageProcessing {
  return { codec, transform: (bytes, options) => transformImage(env.IMAGES, bytes, options) };
}

function picturesOf(processing: ImageProcessing): ResultPictures {
  return {
    shrink: (load) => aFewSources(async () => shrinkSource(processing, await load())),
    // The picture may have been paid for: it is worth a wait.
    finish: (image, options) =>
      onePictureAtATime(() => finishResult(processing, image, options), { maxWaitMs: FINISH_WAIT_MS }),
  };
}

function localGenerator(): ImageGenerator {
  const local = createLocalImageGenerator({ codec });
  return { ...local, generate: (request, options) => onePictureAtATime(() => local.generate(request, options)) };
}

/** Null where the Worker has no such binding: locally it would need an account. */
function workersAiGenerator(env: Partial<Pick<ConsumerEnv, "AI">>, config: Config): ImageGenerator | null {
  const { workersAi } = config.providers;
  if (workersAi === null || env.AI === undefined) return null;
  return createWorkersAiGenerator({
    binding: env.AI,
    config: workersAi,
    prompt: promptFor,
    fitInto: (image, maxSide) => onePictureAtATime(() => fitInto(codec, image, maxSide)),
  });
}

/** Those that are both wanted and set up; a job that wants another one fails as misconfigured. */
function generatorsOf(env: ConsumerEnv, config: Config): ReadonlyMap<ProviderId, ImageGenerator> {
  const { available, gemini } = config.providers;
  const generators: ImageGenerator[] = [];
  if (gemini !== null) generators.push(createGeminiGenerator(gemini));
  const workersAi = workersAiGenerator(env, config);
  if (workersAi !== null) generators.push(workersAi);
  if (available.includes("local")) generators.push(localGenerator());
  return new Map(generators.map((generator) => [generator.id, generator]));
}

export type ConsumerServices = ConversionWorkerDeps & {
  readonly housekeeping: Housekeeping;
  readonly retention: Retention;
  readonly orphans: OrphanRecords;
  /** Runs a job as soon as this isolate has room for one more. */
  readonly withRoom: <T>(job: () => Promise<T>) => Promise<T>;
};

/** The consumer's services: all that its queue and cron handlers need. */
export function createConsumerServices(
  env: ConsumerEnv,
  context: Pick<ExecutionContext, "waitUntil">,
): ConsumerServices {
  const config = configOf(env, "consumer");
  const telemetry = createTelemetry(env, { worker: "consumer", config, context, fields: {} });
  const { logger, metrics } = telemetry;
  const db = drizzle(meteredDatabase(env.DB, metrics));
  return {
    ...telemetry,
    config,
    clock: systemClock,
    conversions: createD1ConversionRepository(db),
    calls: createD1ProviderCalls(db),
    deadLetters: createD1DeadLetters(db),
    outbox: createD1OutboxRepository(db),
    housekeeping: createD1Housekeeping(db),
    retention: createD1Retention(db),
    orphans: createD1Orphans(db),
    objects: createR2ObjectStore(env.BUCKET),
    jobs: createQueueJobQueue(env.CONVERSION_QUEUE),
    pictures: picturesOf(processingOf(env)),
    circuits: createCircuitBreakers(env.CIRCUIT_BREAKER, {
      logger,
      metrics,
      // A probe fetches its sources, too.
      probeTtlMs: 2 * config.conversions.providerTimeoutMs + 30_000,
      backoffMs: config.circuitBackoffMs,
    }),
    generators: generatorsOf(env, config),
    withRoom: aFewJobs,
  };
}

/** What the api calls by RPC to have an upload decoded. */
export function createImageProcessor(env: ConsumerEnv): ImageProcessor {
  return { prepare: (request) => onePictureAtATime(() => prepareImage(processingOf(env), request)) };
}
