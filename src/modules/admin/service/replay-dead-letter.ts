import { AppError } from "../../../kernel/app-error.ts";
import type { AuditStamp } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { replayConversion } from "../../conversions/index.ts";
import type { AdminDeps } from "../deps.ts";

/** Gives the conversion of a dead letter another try, as a new one of its owner's. */
export async function replayDeadLetter(
  deps: AdminDeps,
  actor: Actor,
  stamp: AuditStamp,
  id: string,
): Promise<{ readonly conversionId: string }> {
  const letter = await deps.deadLetters.find(id);
  if (letter === null) throw new AppError("dead_letter_not_found");
  const { conversionId } = letter;
  if (conversionId === null) {
    throw new AppError("invalid_transition", { detail: "This message names no conversion that could be replayed." });
  }
  return replayConversion(deps, actor, stamp, { id, conversionId });
}
