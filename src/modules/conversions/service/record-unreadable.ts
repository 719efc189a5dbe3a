import type { Letter } from "../dead-letters.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { keepDeadLetter } from "./keep-dead-letter.ts";

/** Keeps a message that nobody can read for the operators: it names no row that could tell of it. */
export function recordUnreadable(
  deps: Pick<ConversionWorkerDeps, "clock" | "deadLetters" | "alerts">,
  letter: Letter,
): Promise<void> {
  return keepDeadLetter(deps, letter, { conversionId: null, outcome: "unreadable" });
}
