/** Sequences of steps in the life of a user, with a model of what must be so after each. */
import fc from "fast-check";
import { Broken, Life, type Step, type StepName } from "./model.ts";
import type { World } from "./world.ts";

export interface SequenceFinding {
  readonly steps: readonly string[];
  readonly problem: string;
}

const WEIGHTS: Readonly<Record<StepName, number>> = {
  upload: 4,
  create: 4,
  createTwice: 1,
  cancel: 3,
  retry: 2,
  rename: 2,
  staleRename: 1,
  deleteConversion: 2,
  deleteImage: 2,
  look: 2,
  lookAsOther: 1,
  logout: 0.3,
  deleteMe: 0.3,
};

const step: fc.Arbitrary<Step> = fc.record({
  name: fc.oneof(
    ...Object.entries(WEIGHTS).map(([name, weight]) => ({
      weight: weight * 10,
      arbitrary: fc.constant(name as StepName),
    })),
  ),
  at: fc.nat(20),
});

/** A life starts with a picture, for without one hardly anything can happen. */
const sequence = fc
  .array(step, { minLength: 3, maxLength: 14 })
  .map((steps): Step[] => [{ name: "upload", at: 0 }, ...steps]);

/** Runs sequences; the first that goes wrong is told in the shortest form that still does. */
export async function fuzzSequences(
  world: World,
  { runs, seed }: { readonly runs: number; readonly seed: number },
): Promise<SequenceFinding[]> {
  let problem = "";
  const property = fc.asyncProperty(sequence, async (steps) => {
    const life = await Life.begin(world);
    try {
      for (const each of steps) await life.take(each);
      await life.verify();
    } catch (error) {
      problem = (error as Error).message;
      if (error instanceof Broken) throw error;
      throw new Error(`the sequence broke off: ${problem}`, { cause: error });
    }
  });
  const details = await fc.check(property, { numRuns: runs, seed });
  if (!details.failed) return [];
  const [steps = []] = details.counterexample ?? [];
  return [{ steps: steps.map(({ name, at }) => `${name} ${at}`), problem }];
}
