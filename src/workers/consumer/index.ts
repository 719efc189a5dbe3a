import { WorkerEntrypoint } from "cloudflare:workers";
import { configOf } from "../../composition/config.ts";
import {
  type ConsumerServices,
  createConsumerServices,
  createImageProcessor,
} from "../../composition/consumer-services.ts";
import { describeError } from "../../kernel/describe-error.ts";
import { createLogger } from "../../kernel/logger.ts";
import { sweepPart } from "../../kernel/sweep-part.ts";
import { sweepConversions, sweepOrphans, sweepRetention } from "../../modules/conversions/jobs.ts";
import type { PreparedImage, PrepareRequest } from "../../ports/image-processor.ts";
import { consumeConversion, consumeDetached } from "../../queues/conversions.consumer.ts";

export { CircuitBreaker } from "../../../durable-objects/index.ts";

/** Decodes uploads for the api, by RPC. */
export class ImageProcessor extends WorkerEntrypoint<ConsumerEnv> {
  /**
   * Says that it is there and configured.
   * @throws {ConfigError} where its jobs can't run.
   */
  async ping(): Promise<void> {
    configOf(this.env, "consumer");
  }

  prepare(request: PrepareRequest): Promise<PreparedImage> {
    return createImageProcessor(this.env).prepare(request);
  }
}

export default {
  fetch: () => new Response(null, { status: 404 }),

  async queue(batch, env, context) {
    try {
      const services = createConsumerServices(env, context);
      for (const message of batch.messages) {
        if (services.config.environment === "development") await consumeDetached(services, batch.queue, message);
        else await consumeConversion(services, batch.queue, message);
      }
    } catch (error) {
      // Without configuration nothing can be done, and nothing may be lost: the messages come again.
      tellUnconfigured(error);
      batch.retryAll({ delaySeconds: 60 });
    }
  },

  async scheduled(_controller, env, context) {
    let services: ConsumerServices;
    try {
      services = createConsumerServices(env, context);
    } catch (error) {
      return tellUnconfigured(error);
    }
    const { logger, housekeeping, clock } = services;
    const report = await sweepConversions(services);
    const expiredImages = await sweepPart(services, "retention", () => sweepRetention(services));
    const orphansDeleted = await sweepPart(services, "orphans", () => sweepOrphans(services));
    const rowsDeleted = await sweepPart(services, "housekeeping", () => housekeeping.deleteExpired(clock.now()));
    logger.log("info", "sweep", { ...report, expiredImages, orphansDeleted, rowsDeleted });
  },
} satisfies ExportedHandler<ConsumerEnv>;

/** One line that names the variables, and none of what they hold. */
function tellUnconfigured(error: unknown): void {
  const logger = createLogger({ level: "info", format: "json" }, { service: "consumer" });
  logger.log("error", "consumer not configured", { cause: describeError(error) });
}
