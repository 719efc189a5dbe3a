import type { JobQueue, SmsQueue } from "../../ports/job-queue.ts";
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

/** The SMS queue on Cloudflare Queues. */
export function createQueueSmsQueue(queue: Queue): SmsQueue {
  return {
    async sendSms(smsId) {
      const message: QueueMessage = { v: 1, type: "sms.send", smsId };
      await queue.send(message, { contentType: "json" });
    },
  };
}
