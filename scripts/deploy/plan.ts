/** A deployment as a list of steps, which can be shown without being done. */

export interface Step {
  /** In a few words, as an imperative: "apply the migrations". */
  readonly what: string;
  /** The commands and calls that do it, one a line, for the plan of a dry run. */
  readonly how: readonly string[];
  /** Does it; what it answers is shown beside the step. */
  run(): Promise<string | undefined>;
}

export type Say = (line: string) => void;

/** What a dry run shows. */
export function describePlan(steps: readonly Step[]): string {
  const lines = steps.flatMap(({ what, how }, index) => [
    `${String(index + 1).padStart(2)}. ${what}`,
    ...how.map((line) => `      ${line}`),
  ]);
  return lines.join("\n");
}

/** One after the other; a step that fails ends it with its error, and names itself. */
export async function carryOut(steps: readonly Step[], say: Say): Promise<void> {
  for (const [index, { what, run }] of steps.entries()) {
    say(`[${index + 1}/${steps.length}] ${what}`);
    const told = await run();
    if (told !== undefined) say(`      ${told}`);
  }
}
