import { newId } from "../../../kernel/ids.ts";
import type { DeadLetterOutcome, Letter } from "../dead-letters.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

const MAX_BODY_CHARS = 2_000;

/** Whatever a queue may carry, as text to look at. */
function textOf(body: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(body);
  } catch {
    // Falls through: no JSON, such as a cycle or a BigInt.
  }
  return (text ?? String(body)).slice(0, MAX_BODY_CHARS).toWellFormed();
}

/**
 * Puts a dead letter on record, once, and tells the operators. A letter that comes again after a failure is told of
 * again, since nobody knows how far the first try came; a mere duplicate is not.
 */
export async function keepDeadLetter(
  deps: Pick<ConversionWorkerDeps, "clock" | "deadLetters" | "alerts">,
  letter: Letter,
  about: { readonly conversionId: string | null; readonly outcome: DeadLetterOutcome },
): Promise<void> {
  const { queue, messageId, attempts, body } = letter;
  const { conversionId, outcome } = about;
  const receivedAt = deps.clock.now();
  const id = newId("dlt", receivedAt);
  const row = { id, queue, messageId, conversionId, body: textOf(body), attempts, outcome, receivedAt };
  const isNew = await deps.deadLetters.record(row);
  if (!isNew && attempts === 1) return;
  deps.alerts.raise({
    name: "dead_letter",
    about: queue,
    what:
      outcome === "unreadable"
        ? `Message ${messageId} can't be read`
        : `Message ${messageId} was given up on; conversion ${conversionId} ${outcome === "failed" ? "failed" : "is not harmed"}`,
    advice: "See GET /api/admin/dead-letters for its body, mend the cause, and replay what failed",
  });
}
