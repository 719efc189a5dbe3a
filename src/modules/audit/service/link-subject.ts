import { extendChain } from "../chain.ts";
import type { AuditDeps } from "../deps.ts";

/** Events linked at once. */
const BATCH = 100;
/** After losing this often to other linkers, the rest is theirs. */
const MAX_LOST = 10;

/** Links a subject's events, `limit` at most, and logs the head of its chain. @returns how many it linked. */
export async function linkSubject(
  deps: Pick<AuditDeps, "audit" | "logger">,
  subjectId: string,
  limit: number,
): Promise<number> {
  let linked = 0;
  let lost = 0;
  while (linked < limit && lost < MAX_LOST) {
    const wanted = Math.min(BATCH, limit - linked);
    const { head, unlinked } = await deps.audit.tail(subjectId, wanted);
    const events = await extendChain(head, unlinked);
    const last = events.at(-1);
    if (last === undefined) break;
    if (!(await deps.audit.link(subjectId, head, events))) {
      lost += 1;
      continue;
    }
    linked += events.length;
    // Out of reach of whoever can rewrite the database: verification compares a chain's end with this.
    deps.logger.log("info", "audit chain extended", { subjectId, seq: last.seq, hash: last.hash });
    if (events.length < wanted) break;
  }
  return linked;
}
