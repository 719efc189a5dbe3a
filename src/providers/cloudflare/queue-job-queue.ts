import type { JobQueue } from "../../ports/job-queue.ts";
import type { QueueMessage } from "../../queues/messages.ts";

/** The job queue on Cloudflare Queues. */
export function createQueueJobQueue(queue: Queue): JobQueue {
  return {
    async sendConversion(conversionId, options = {}) {
      const message: QueueMessage = { v: 1, type: "conversion.run", conversionId };
      await queue.send(message, { contentType: "json", delaySeconds: options.delaySeconds ?? 0 });
    },
  };
}
