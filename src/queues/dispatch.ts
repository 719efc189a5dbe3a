import { describeError } from "../kernel/describe-error.ts";
import type { ConversionWorkerDeps } from "../modules/conversions/jobs.ts";
import { failUndelivered, runConversion } from "../modules/conversions/jobs.ts";
import { parseMessage, type QueueMessage } from "./messages.ts";

/** What the consumers need of a queue message; `Message` of the platform has it. */
export interface Delivery {
  readonly id: string;
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}

const RETRY_CAP_SECONDS = 60;

/** Which consumer takes a queue's messages; names end alike in every environment. */
function consumerOf(queue: string): (deps: ConversionWorkerDeps, message: QueueMessage) => Promise<unknown> {
  if (queue.endsWith("-conversions-dead")) return (deps, message) => failUndelivered(deps, message.conversionId);
  return (deps, message) => runConversion(deps, message.conversionId);
}

/**
 * Handles one message and always answers it. A message nobody can read is recorded and acknowledged: retrying it would
 * never help. A failure of the machinery is retried by the queue; failures of the job itself are kept in its row.
 */
export async function dispatch(deps: ConversionWorkerDeps, queue: string, delivery: Delivery): Promise<void> {
  const message = parseMessage(delivery.body);
  if (!message) {
    deps.logger.log("error", "unreadable queue message", {
      queue,
      messageId: delivery.id,
      attempts: delivery.attempts,
    });
    delivery.ack();
    return;
  }
  const startedAt = deps.clock.now();
  try {
    await consumerOf(queue)(deps, message);
    delivery.ack();
    deps.logger.log("info", "message", {
      queue,
      attempts: delivery.attempts,
      conversionId: message.conversionId,
      durationMs: deps.clock.now() - startedAt,
    });
  } catch (error) {
    deps.logger.log("error", "queue message failed", {
      queue,
      messageId: delivery.id,
      attempts: delivery.attempts,
      conversionId: message.conversionId,
      cause: describeError(error),
    });
    delivery.retry({ delaySeconds: Math.min(2 ** delivery.attempts, RETRY_CAP_SECONDS) });
  }
}
