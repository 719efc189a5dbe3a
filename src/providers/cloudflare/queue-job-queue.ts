import type { JobQueue, SmsQueue } from "../../ports/job-queue.ts";
import type { QueueMessage } from "../../queues/messages.ts";

/** The job queue on Cloudflare Queues. */
export function createQueueJobQueue(queue: Queue): JobQueue {
  return {
    async sendConversion(conversionId, { delaySeconds = 0, origin } = {}) {
      const message: QueueMessage = { v: 1, type: "conversion.run", conversionId, ...(origin ? { origin } : {}) };
      await queue.send(message, { contentType: "json", delaySeconds });
    },
  };
}

/** The SMS queue on Cloudflare Queues. */
export function createQueueSmsQueue(queue: Queue): SmsQueue {
  return {
    async sendSms(smsId, origin) {
      const message: QueueMessage = { v: 1, type: "sms.send", smsId, ...(origin ? { origin } : {}) };
      await queue.send(message, { contentType: "json" });
    },
  };
}
