import { type ChainReport, createChainVerifier } from "../chain.ts";
import type { AuditDeps } from "../deps.ts";
import { linkSubject } from "./link-subject.ts";

const PAGE = 500;
/** More than a subject has waiting, unless the linker has not run for long: then the rest is reported as unlinked. */
const LINK_LIMIT = 1_000;

/** Links what waits to be linked, then checks every event of a subject against its chain. */
export async function verifyChain(
  deps: Pick<AuditDeps, "audit" | "logger" | "clock">,
  subjectId: string,
): Promise<ChainReport> {
  await linkSubject(deps, subjectId, LINK_LIMIT);
  const verifier = createChainVerifier();
  let afterSeq: number | null = null;
  for (;;) {
    const events = await deps.audit.chain(subjectId, afterSeq, PAGE);
    for (const event of events) await verifier.add(event);
    const last = events.at(-1);
    if (last === undefined || events.length < PAGE) break;
    afterSeq = last.seq;
  }
  let afterId = "";
  for (;;) {
    const events = await deps.audit.unlinked(subjectId, afterId, PAGE);
    for (const event of events) verifier.addUnlinked(event, deps.clock.now());
    const last = events.at(-1);
    if (last === undefined || events.length < PAGE) break;
    afterId = last.id;
  }
  return verifier.report();
}
