import type { CoreServices } from "../kernel/core-services.ts";
import { describeError } from "../kernel/describe-error.ts";
import { type LogFields, type Logger, withFields } from "../kernel/logger.ts";
import { queueLabel } from "../kernel/queue-label.ts";
import { childOf, type Origin, parseTraceparent } from "../kernel/trace-context.ts";
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

/** What becomes of a message: done with, or to come again after a while; and what is worth knowing about it. */
export interface Handled {
  readonly retryAfterMs?: number;
  readonly event?: LogFields;
}

/** What a delivery is part of. */
export interface DeliveryContext {
  /** Its lines are found by the ids of the request and of what the message is about. */
  readonly logger: Logger;
  readonly origin: Origin | null;
}

export interface Consumer<T extends QueueMessage["type"]> {
  readonly type: T;
  /** Names the row a message is about, for the log. */
  readonly fields: (message: MessageOf<T>) => Readonly<Record<string, string>>;
  /** Throws when the machinery failed: then the queue brings the message again. */
  readonly handle: (message: MessageOf<T>, context: DeliveryContext) => Promise<Handled | undefined>;
  /** Keeps a message nobody can read, where that is worth it. Throws when the machinery failed. */
  readonly keepUnreadable?: () => Promise<void>;
}

type DispatchDeps = Pick<CoreServices, "clock" | "logger" | "metrics" | "errors">;

const RETRY_CAP_SECONDS = 60;

/**
 * Handles one message and always answers it, with one event of the log. A message nobody can read is recorded and
 * acknowledged: reading it again would never help. A failure of the machinery is retried by the queue; failures of the
 * job are kept in its row.
 */
export async function dispatch<T extends QueueMessage["type"]>(
  deps: DispatchDeps,
  queue: string,
  delivery: Delivery,
  consumer: Consumer<T>,
): Promise<void> {
  const message = parseMessage(delivery.body);
  const about = { queue, messageId: delivery.id, attempts: delivery.attempts };
  const label = queueLabel(queue);
  const count = (outcome: string) => deps.metrics.count("queue_messages_total", { queue: label, outcome });
  if (message?.type !== consumer.type) {
    count("unreadable");
    deps.logger.log("error", "unreadable queue message", about);
    try {
      await consumer.keepUnreadable?.();
      return delivery.ack();
    } catch (error) {
      return comeAgain(deps, delivery, about, error);
    }
  }
  const origin = ("origin" in message ? message.origin : null) ?? null;
  const parent = parseTraceparent(origin?.traceparent);
  const span = childOf(parent);
  const ids = { ...consumer.fields(message as MessageOf<T>), requestId: origin?.requestId, traceId: span.traceId };
  const own = { ...about, ...ids, spanId: span.spanId, parentSpanId: parent?.spanId };
  const logger = withFields(deps.logger, { ...ids, parentSpanId: span.spanId });
  const startedAt = deps.clock.now();
  const elapsedMs = () => deps.clock.now() - startedAt;
  try {
    const { retryAfterMs, event } = (await consumer.handle(message as MessageOf<T>, { logger, origin })) ?? {};
    if (retryAfterMs === undefined) delivery.ack();
    else delivery.retry({ delaySeconds: Math.ceil(retryAfterMs / 1000) });
    count(retryAfterMs === undefined ? "handled" : "again");
    deps.logger.log("info", "message", { ...own, ...event, durationMs: elapsedMs() });
  } catch (error) {
    count("failed");
    comeAgain(deps, delivery, { ...own, durationMs: elapsedMs() }, error);
  } finally {
    deps.metrics.time("queue_message_duration_seconds", { queue: label }, elapsedMs());
  }
}

function comeAgain(
  deps: Pick<DispatchDeps, "logger" | "errors">,
  delivery: Delivery,
  fields: LogFields,
  error: unknown,
) {
  deps.logger.log("error", "queue message failed", { ...fields, cause: describeError(error) });
  const id = (name: string) => (typeof fields[name] === "string" ? fields[name] : undefined);
  deps.errors.report(error, {
    where: `queue ${fields.queue}`,
    requestId: id("requestId"),
    traceId: id("traceId"),
    conversionId: id("conversionId"),
  });
  delivery.retry({ delaySeconds: Math.min(2 ** delivery.attempts, RETRY_CAP_SECONDS) });
}
