import { describeError } from "../../../kernel/describe-error.ts";
import { SlotBusyError } from "../../../kernel/slot.ts";
import { type GeneratedImage, GenerationError, type ProviderId } from "../../../ports/image-generator.ts";
import { candidates } from "../candidates.ts";
import { CircuitOpenError, FAILURE_POLICIES } from "../failures.ts";
import { askProvider, type ProviderDeps, type ProviderJob } from "./ask-provider.ts";

export interface Generated {
  readonly image: GeneratedImage;
  readonly provider: ProviderId;
  /** Of a lower quality class than was asked for, or by its nature. */
  readonly degraded: boolean;
}

/** The job a generation is for. */
export interface GenerateJob extends ProviderJob {
  /** Puts a picture that was paid for where no later mishap can lose it. @returns the one that is there then. */
  readonly keep: (made: Generated) => Promise<Generated>;
}

type Failure = GenerationError | SlotBusyError;

const mayTryAgain = (error: Failure) =>
  error instanceof SlotBusyError || FAILURE_POLICIES[error.failure].retry !== "never";

/**
 * Which of a chain's failures is the job's. One of a call that was made, for that call may have cost something and its
 * attempt must count; then one that waiting may mend; then the wanted provider's.
 */
function decisive(failures: readonly Failure[]): Failure | undefined {
  const isWait = (error: Failure) => error instanceof SlotBusyError || error instanceof CircuitOpenError;
  const made = failures.filter((error) => !isWait(error));
  return (
    made.find(mayTryAgain) ?? failures.find((error) => isWait(error) && mayTryAgain(error)) ?? made[0] ?? failures[0]
  );
}

/**
 * Makes the picture, by another provider only where the request allows it and the failure permits it.
 * @throws {GenerationError | SlotBusyError} when nobody could.
 */
export async function generate(deps: ProviderDeps, job: GenerateJob): Promise<Generated> {
  const failures: Failure[] = [];
  for (const provider of candidates(deps.config, job.conversion.input)) {
    const before = failures.at(-1);
    if (before !== undefined) {
      const fields = { conversionId: job.conversion.id, provider, cause: describeError(before) };
      deps.logger.log("warn", "another provider takes over", fields);
    }
    try {
      const image = await askProvider(deps, job, provider);
      const made = { image, provider, degraded: image.degraded || failures.length > 0 };
      return deps.generators.get(provider)?.outside ? await job.keep(made) : made;
    } catch (error) {
      const isFailure = error instanceof GenerationError || error instanceof SlotBusyError;
      if (!isFailure || (error instanceof GenerationError && !FAILURE_POLICIES[error.failure].mayFallBack)) throw error;
      failures.push(error);
    }
  }
  throw decisive(failures) ?? new Error("a conversion without a candidate");
}
