import { AppError } from "../../../kernel/app-error.ts";
import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { RETRYABLE } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import { createConversion } from "./create-conversion.ts";
import { expireOverdue } from "./expire-overdue.ts";

/**
 * Creates, for its owner, a new conversion from the inputs of one that was never delivered: once, whatever number of
 * admins order it at the same moment. @throws {AppError} 404 when it or its images are gone, 409 when it needs no replay.
 */
export async function replayConversion(
  deps: ConversionsDeps,
  admin: Actor,
  stamp: AuditStamp,
  letter: { readonly id: string; readonly conversionId: string },
): Promise<{ readonly conversionId: string }> {
  let previous = await deps.conversions.inspect(letter.conversionId);
  if (previous === null || previous.deleted) throw new AppError("conversion_not_found");
  stamp.subject = { userId: previous.userId };
  if ((await expireOverdue(deps, previous.userId)) > 0) previous = await deps.conversions.inspect(previous.id);
  if (previous === null) throw new AppError("conversion_not_found");
  if (!RETRYABLE.has(previous.status)) {
    throw new AppError("invalid_transition", {
      detail: `Only a failed, canceled or expired conversion can be replayed; this one is ${previous.status}.`,
    });
  }
  const { conversionId } = await createConversion(deps, admin, {
    input: previous.input,
    title: previous.title,
    metadata: previous.metadata,
    retryOf: previous.id,
    replay: { ownerId: previous.userId, deadLetterId: letter.id },
    newImages: [],
    cleanUpId: null,
    idempotency: null,
    audit: stamp,
    waitSeconds: 0,
  });
  return { conversionId };
}
