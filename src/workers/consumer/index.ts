import { WorkerEntrypoint } from "cloudflare:workers";
import { createConsumerServices, createImageProcessor } from "../../composition/consumer-services.ts";
import { sweepConversions } from "../../modules/conversions/jobs.ts";
import type { PreparedImage, PrepareRequest } from "../../ports/image-processor.ts";
import { dispatch } from "../../queues/dispatch.ts";

/** Decodes uploads for the api, by RPC. */
export class ImageProcessor extends WorkerEntrypoint<ConsumerEnv> {
  prepare(request: PrepareRequest): Promise<PreparedImage> {
    return createImageProcessor(this.env).prepare(request);
  }
}

export default {
  fetch: () => new Response(null, { status: 404 }),

  async queue(batch, env) {
    const services = createConsumerServices(env);
    for (const message of batch.messages) await dispatch(services, batch.queue, message);
  },

  async scheduled(_controller, env) {
    const services = createConsumerServices(env);
    const report = await sweepConversions(services);
    const rowsDeleted = await services.housekeeping.deleteExpired(services.clock.now());
    services.logger.log("info", "sweep", { ...report, rowsDeleted });
  },
} satisfies ExportedHandler<ConsumerEnv>;
