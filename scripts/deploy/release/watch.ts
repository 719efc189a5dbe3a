/** Looks at a step of a release for as long as it lasts. */
import type { Say } from "../plan.ts";
import { pause, unlessAborted } from "./abort.ts";
import { judge, type Measured, type Verdict } from "./verdict.ts";

/** In a row: one may be an accident. */
const FAILURES_ALLOWED = 2;

export interface Watched {
  readonly stepMs: number;
  readonly stepMaxMs: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
  readonly say: Say;
  measure(): Promise<Measured>;
  /** What is wrong with the new version; null when nothing is. */
  probe(): Promise<string | null>;
}

/** Counts failures of one kind in a row, and tells whether this is one. @throws {Error} at one too many. */
function failuresInARow(what: string, say: Say): (failure: string | null) => boolean {
  let inARow = 0;
  return (failure) => {
    if (failure === null) {
      inARow = 0;
      return false;
    }
    inARow++;
    if (inARow > FAILURES_ALLOWED) throw new Error(`${what} failed ${inARow} times in a row: ${failure}`);
    say(`      ${what} failed: ${failure}`);
    return true;
  };
}

async function look(
  { measure, signal }: Watched,
  failed: (failure: string | null) => boolean,
): Promise<Verdict | null> {
  try {
    const measured = await unlessAborted(measure(), signal);
    failed(null);
    return judge(measured);
  } catch (error) {
    signal.throwIfAborted();
    failed(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/**
 * Returns what was found when the new version may get more traffic. With too little traffic to tell it waits longer,
 * and in the end takes a version of which nothing failed.
 * @throws {Error} when the new version is bad, or can't be seen.
 */
export async function watch(watched: Watched): Promise<string> {
  const { stepMs, stepMaxMs, pollMs, signal, say, probe } = watched;
  const startedAt = performance.now();
  const probed = failuresInARow("the probe of the new version", say);
  const measured = failuresInARow("the analytics", say);
  let isExtended = false;
  for (;;) {
    await pause(pollMs, signal);
    const isIll = probed(await unlessAborted(probe(), signal));
    const verdict = await look(watched, measured);
    if (verdict?.answer === "bad") throw new Error(`the new version is worse:\n${verdict.reasons.join("\n")}`);
    const lastedMs = performance.now() - startedAt;
    if (lastedMs < stepMs || verdict === null || isIll) continue;
    if (verdict.answer === "good") return verdict.reasons.join("\n      ");
    if (lastedMs >= stepMaxMs) return takeUnclear(verdict);
    if (!isExtended) say("      too little traffic to tell: watching longer");
    isExtended = true;
  }
}

function takeUnclear({ hasErrors, reasons }: Verdict): string {
  const told = reasons.join("\n      ");
  if (hasErrors) throw new Error(`too little traffic to tell, and some of it failed:\n${told}`);
  return `too little traffic to tell, but nothing of it failed: going on\n      ${told}`;
}
