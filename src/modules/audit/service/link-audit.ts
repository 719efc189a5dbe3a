import { describeError } from "../../../kernel/describe-error.ts";
import type { AuditDeps } from "../deps.ts";
import { linkSubjects } from "./link-subjects.ts";

/** Subjects of a round: each is visited once, before any has its next turn. */
const ROUND = 1_000;
/** Subjects of a visit, and events of all of them together. */
const VISIT = 50;
const VISIT_EVENTS = 500;

type LinkDeps = Pick<AuditDeps, "audit" | "logger" | "clock">;

export interface LinkReport {
  readonly linked: number;
}

/** Where a visit fails, each subject gets one of its own. @returns how many it linked, and whose could not be. */
async function visit(deps: LinkDeps, subjectIds: readonly string[]): Promise<{ linked: number; failed: string[] }> {
  const limit = Math.floor(VISIT_EVENTS / subjectIds.length);
  try {
    return { linked: await linkSubjects(deps, subjectIds, limit), failed: [] };
  } catch (error) {
    const [subjectId, ...others] = subjectIds;
    if (subjectId !== undefined && others.length === 0) {
      deps.logger.log("error", "audit chain not extended", { subjectId, cause: describeError(error) });
      return { linked: 0, failed: [subjectId] };
    }
  }
  let linked = 0;
  const failed: string[] = [];
  for (const subjectId of subjectIds) {
    const alone = await visit(deps, [subjectId]);
    linked += alone.linked;
    failed.push(...alone.failed);
  }
  return { linked, failed };
}

/**
 * Chains the events that came since the last time, until none waits or the time is up; any number may run at once.
 * Whose event has waited longest comes first, and nobody's many keep others waiting for more than a turn. One with a
 * smaller id than a linked one (clocks of isolates differ) comes after it: the order is `seq`.
 */
export async function linkAudit(deps: LinkDeps, { budgetMs }: { readonly budgetMs: number }): Promise<LinkReport> {
  const endsAt = deps.clock.now() + budgetMs;
  const failed = new Set<string>();
  let linked = 0;
  for (;;) {
    const waiting = (await deps.audit.listWaiting(ROUND)).filter((id) => !failed.has(id));
    let inRound = 0;
    for (let at = 0; at < waiting.length; at += VISIT) {
      if (deps.clock.now() >= endsAt) return { linked: linked + inRound };
      const visited = await visit(deps, waiting.slice(at, at + VISIT));
      inRound += visited.linked;
      for (const id of visited.failed) failed.add(id);
    }
    linked += inRound;
    // Nothing waits, or it is another linker's by now.
    if (inRound === 0) return { linked };
  }
}
