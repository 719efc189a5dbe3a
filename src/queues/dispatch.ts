import type { CoreServices } from "../kernel/core-services.ts";
import { describeError } from "../kernel/describe-error.ts";
import { parseMessage, type QueueMessage } from "./messages.ts";

/** What the consumers need of a queue message; `Message` of the platform has it. */
export interface Delivery {
  readonly id: string;
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}

type MessageOf<T extends QueueMessage["type"]> = Extract<QueueMessage, { readonly type: T }>;

/** What becomes of a message: done with, or to come again after a while. */
export type Handled = { readonly retryAfterMs: number } | undefined;

export interface Consumer<T extends QueueMessage["type"]> {
  readonly type: T;
  /** Names the row a message is about, for the log. */
  readonly fields: (message: MessageOf<T>) => Readonly<Record<string, string>>;
  /** Throws when the machinery failed: then the queue brings the message again. */
  readonly handle: (message: MessageOf<T>) => Promise<Handled>;
  /** Keeps a message nobody can read, where that is worth it. Throws when the machinery failed. */
  readonly keepUnreadable?: () => Promise<void>;
}

const RETRY_CAP_SECONDS = 60;

/**
 * Handles one message and always answers it. A message nobody can read is recorded and acknowledged: reading it again
 * would never help. A failure of the machinery is retried by the queue; failures of the job are kept in its row.
 */
export async function dispatch<T extends QueueMessage["type"]>(
  deps: Pick<CoreServices, "clock" | "logger">,
  queue: string,
  delivery: Delivery,
  consumer: Consumer<T>,
): Promise<void> {
  const message = parseMessage(delivery.body);
  const about = { queue, messageId: delivery.id, attempts: delivery.attempts };
  if (message?.type !== consumer.type) {
    deps.logger.log("error", "unreadable queue message", about);
    try {
      await consumer.keepUnreadable?.();
      return delivery.ack();
    } catch (error) {
      return comeAgain(deps, delivery, about, error);
    }
  }
  const fields = { ...about, ...consumer.fields(message as MessageOf<T>) };
  const startedAt = deps.clock.now();
  try {
    const handled = await consumer.handle(message as MessageOf<T>);
    if (handled === undefined) delivery.ack();
    else delivery.retry({ delaySeconds: Math.ceil(handled.retryAfterMs / 1000) });
    deps.logger.log("info", "message", { ...fields, durationMs: deps.clock.now() - startedAt });
  } catch (error) {
    comeAgain(deps, delivery, fields, error);
  }
}

function comeAgain(
  deps: Pick<CoreServices, "logger">,
  delivery: Delivery,
  fields: Readonly<Record<string, unknown>>,
  error: unknown,
): void {
  deps.logger.log("error", "queue message failed", { ...fields, cause: describeError(error) });
  delivery.retry({ delaySeconds: Math.min(2 ** delivery.attempts, RETRY_CAP_SECONDS) });
}
