import type { Actor } from "../../../kernel/request-context.ts";
import { type Conversion, isOverdue, isTerminal } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";

const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 1_000;

/** Looks at the row, ever less often, until the conversion has ended or the time is up; null when it was deleted. */
export async function waitForEnd(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  actor: Actor,
  id: string,
  waitMs: number,
): Promise<Conversion | null> {
  const until = deps.clock.now() + waitMs;
  for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_POLL_MS)) {
    let conversion = await deps.conversions.find(actor.userId, id);
    if (conversion && isOverdue(conversion, deps.clock.now())) {
      await deps.conversions.expire(id, deps.clock.now());
      conversion = await deps.conversions.find(actor.userId, id);
    }
    const leftMs = until - deps.clock.now();
    if (conversion === null || isTerminal(conversion.status) || leftMs <= 0) return conversion;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
  }
}
