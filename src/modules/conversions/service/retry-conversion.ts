import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { RETRYABLE } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import { type CreateAnswer, type CreateCommand, createConversion, replayAnswer } from "./create-conversion.ts";
import { getConversion } from "./get-conversion.ts";

/** Creates a new conversion from the inputs of one that ended without a result. */
export async function retryConversion(
  deps: ConversionsDeps,
  actor: Actor,
  id: string,
  command: Pick<CreateCommand, "idempotency" | "waitSeconds" | "audit">,
): Promise<CreateAnswer> {
  if (command.idempotency) {
    const { operation, key, fingerprint } = command.idempotency;
    const now = deps.clock.now();
    const record = await deps.conversions.findIdempotencyRecord(actor.userId, operation, key, now);
    if (record) return replayAnswer(record, fingerprint, now);
  }
  const previous = await getConversion(deps, actor, id);
  if (!RETRYABLE.has(previous.status)) {
    throw new AppError("invalid_transition", {
      detail: `Only a failed, canceled or expired conversion can be retried; this one is ${previous.status}.`,
    });
  }
  return createConversion(deps, actor, {
    ...command,
    input: previous.input,
    title: previous.title,
    metadata: previous.metadata,
    retryOf: previous.id,
    newImages: [],
    cleanUpId: null,
  });
}
