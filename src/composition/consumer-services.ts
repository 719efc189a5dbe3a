import { drizzle } from "drizzle-orm/d1";
import { createD1ConversionRepository } from "../db/d1/repositories/conversions.ts";
import { createD1Housekeeping } from "../db/d1/repositories/housekeeping.ts";
import { createD1ImageRepository } from "../db/d1/repositories/images.ts";
import { createD1OutboxRepository } from "../db/d1/repositories/outbox.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLogger } from "../kernel/logger.ts";
import { createSlot } from "../kernel/slot.ts";
import type { ConversionWorkerDeps, ResultPictures } from "../modules/conversions/jobs.ts";
import { digitalSourceXmp, embedXmp } from "../modules/images/jobs.ts";
import type { Housekeeping } from "../ports/housekeeping.ts";
import type { ImageGenerator } from "../ports/image-generator.ts";
import type { ImageProcessor } from "../ports/image-processor.ts";
import { transformImage } from "../providers/cloudflare/images-binding.ts";
import { createQueueJobQueue } from "../providers/cloudflare/queue-job-queue.ts";
import { createR2ObjectStore } from "../providers/cloudflare/r2-object-store.ts";
import {
  type ImageProcessing,
  prepareImage,
  shrinkForDecoding,
  thumbnailOf,
} from "../providers/image-processing/prepare-image.ts";
import { createJsquashCodec } from "../providers/jsquash/image-codec.ts";
import { jsquashModules } from "../providers/jsquash/wasm-modules.ts";
import { createLocalImageGenerator } from "../providers/local-engine/local-image-generator.ts";
import { configOf } from "./config.ts";

/** Decoded pixels are the largest thing in an isolate's memory: only one job at a time may hold any. */
const onePictureAtATime = createSlot({ maxWaiting: 16, maxWaitMs: 20_000, staleMs: 30_000 });
const codec = createJsquashCodec(jsquashModules);

function processingOf(env: ConsumerEnv): ImageProcessing {
  return { codec, transform: (bytes, options) => transformImage(env.IMAGES, bytes, options) };
}

function picturesOf(processing: ImageProcessing): ResultPictures {
  return {
    shrink: (image) => shrinkForDecoding(processing, image),
    mark: (bytes, mime, provider) =>
      embedXmp(
        bytes,
        mime,
        digitalSourceXmp(provider === "local" ? "algorithmicallyEnhanced" : "compositeWithTrainedAlgorithmicMedia"),
      ),
    thumbnail: (bytes, mime) =>
      onePictureAtATime(async () => thumbnailOf(processing.codec, await processing.codec.decode(bytes, mime))),
  };
}

function localGenerator(): ImageGenerator {
  const local = createLocalImageGenerator({ codec });
  return { id: local.id, generate: (request, options) => onePictureAtATime(() => local.generate(request, options)) };
}

/** The consumer's services: all that its queue and cron handlers need. */
export function createConsumerServices(
  env: ConsumerEnv,
): ConversionWorkerDeps & { readonly housekeeping: Housekeeping } {
  const config = configOf(env, "consumer");
  const db = drizzle(env.DB);
  return {
    config,
    clock: systemClock,
    logger: createLogger(config.log, { service: "consumer" }),
    conversions: createD1ConversionRepository(db),
    images: createD1ImageRepository(db),
    outbox: createD1OutboxRepository(db),
    housekeeping: createD1Housekeeping(db),
    objects: createR2ObjectStore(env.BUCKET),
    jobs: createQueueJobQueue(env.CONVERSION_QUEUE),
    pictures: picturesOf(processingOf(env)),
    generators: new Map([["local", localGenerator()]]),
  };
}

/** What the api calls by RPC to have an upload decoded. */
export function createImageProcessor(env: ConsumerEnv): ImageProcessor {
  return { prepare: (request) => onePictureAtATime(() => prepareImage(processingOf(env), request)) };
}
