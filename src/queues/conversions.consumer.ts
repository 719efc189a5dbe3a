import type { LogFields } from "../kernel/logger.ts";
import { SlotBusyError } from "../kernel/slot.ts";
import type { Origin } from "../kernel/trace-context.ts";
import {
  type ConversionWorkerDeps,
  failUndelivered,
  recordUnreadable,
  runConversion,
} from "../modules/conversions/jobs.ts";
import { detached } from "./detached.ts";
import { type Delivery, dispatch } from "./dispatch.ts";
import { parseMessage } from "./messages.ts";

/** How the queue of jobs ends in every environment, and that of dead letters doesn't. */
const JOBS = "-conversions";
/** How soon a job comes back that found no room. */
const BUSY_DELAY_SECONDS = 3;

export interface ConversionConsumerDeps extends ConversionWorkerDeps {
  /** Runs a job as soon as there is room for one more. @throws {SlotBusyError} when there is none for long. */
  readonly withRoom: <T>(job: () => Promise<T>) => Promise<T>;
}

/** Runs a conversion, or ends one whose message the queue gave up on. Queues are named alike in every environment. */
export function consumeConversion(deps: ConversionConsumerDeps, queue: string, delivery: Delivery): Promise<void> {
  const isDead = queue.endsWith("-conversions-dead");
  const letter = { queue, messageId: delivery.id, attempts: delivery.attempts, body: delivery.body };
  return dispatch(deps, queue, delivery, {
    type: "conversion.run",
    fields: ({ conversionId }) => ({ conversionId }),
    async handle({ conversionId }, { logger, origin }) {
      const inContext = { ...deps, logger };
      if (!isDead) return { event: await run(inContext, conversionId, origin) };
      return { event: { failed: await failUndelivered(inContext, conversionId, letter) } };
    },
    keepUnreadable: () => recordUnreadable(deps, letter),
  });
}

/** A busy isolate is nothing the queue should count against the message: another one follows. */
async function run(deps: ConversionConsumerDeps, conversionId: string, origin: Origin | null): Promise<LogFields> {
  try {
    return await deps.withRoom(() =>
      deps.tracer.span("conversion.run", { conversionId }, () => runConversion(deps, conversionId)),
    );
  } catch (error) {
    if (!(error instanceof SlotBusyError)) throw error;
    await deps.jobs.sendConversion(conversionId, { delaySeconds: BUSY_DELAY_SECONDS, origin });
    return { outcome: "no_room" };
  }
}

/** {@link consumeConversion} without waiting for a job, for a queue that would bring nothing else meanwhile. */
export async function consumeDetached(deps: ConversionConsumerDeps, queue: string, delivery: Delivery): Promise<void> {
  if (!queue.endsWith(JOBS)) return consumeConversion(deps, queue, delivery);
  const message = parseMessage(delivery.body);
  detached(delivery, (attached) => consumeConversion(deps, queue, attached), {
    background: deps.background,
    async again(delaySeconds) {
      if (message?.type !== "conversion.run") return;
      await deps.jobs.sendConversion(message.conversionId, { delaySeconds, origin: message.origin ?? null });
    },
  });
}
