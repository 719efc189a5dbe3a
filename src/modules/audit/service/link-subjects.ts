import { extendChain } from "../chain.ts";
import type { AuditDeps } from "../deps.ts";
import type { ChainExtension } from "../repository.ts";

/** Links events of these subjects, `limit` of each at most, and logs the new heads. @returns how many it linked. */
export async function linkSubjects(
  deps: Pick<AuditDeps, "audit" | "logger">,
  subjectIds: readonly string[],
  limit: number,
): Promise<number> {
  const chains: ChainExtension[] = [];
  for (const { subjectId, head, unlinked } of await deps.audit.tails(subjectIds, limit)) {
    if (unlinked.length > 0) chains.push({ subjectId, head, events: await extendChain(head, unlinked) });
  }
  if (chains.length === 0) return 0;
  const extended = await deps.audit.link(chains);
  let linked = 0;
  for (const { subjectId, events } of chains) {
    const last = events.at(-1);
    if (last === undefined || !extended.has(subjectId)) continue;
    linked += events.length;
    // Out of reach of whoever can rewrite the database: verification compares a chain's end with this.
    deps.logger.log("info", "audit chain extended", { subjectId, seq: last.seq, hash: last.hash });
  }
  return linked;
}
