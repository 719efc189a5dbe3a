import type { LogFields } from "../../../kernel/logger.ts";
import type { Conversion } from "../conversion.ts";
import type { FailureCode } from "../failures.ts";
import type { StoredResult } from "../repository.ts";
import type { StageTimes } from "../stage-timings.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

/** What one run of a job came to. `again`: another attempt follows; `taken_away`: somebody else has it, or ended it. */
export interface JobReport {
  readonly outcome: "succeeded" | "failed" | "expired" | "again" | "taken_away";
  readonly code?: FailureCode;
  readonly result?: StoredResult;
  readonly times?: StageTimes;
}

/** Most that expire do so where no worker is: those that a worker meets would stand for none of the others. */
const ENDS: ReadonlySet<JobReport["outcome"]> = new Set(["succeeded", "failed"]);

/** Counts a run that ended its conversion. @returns the run as fields of the job's event. */
export function told(
  deps: Pick<ConversionWorkerDeps, "clock" | "metrics" | "analytics">,
  conversion: Conversion,
  { outcome, code, result, times }: JobReport,
): LogFields {
  const { kind } = conversion.input;
  const { attempt } = conversion;
  const ageMs = Math.max(0, deps.clock.now() - conversion.createdAt);
  const provider = result?.provider;
  const model = result?.model;
  if (ENDS.has(outcome)) {
    deps.metrics.time("conversion_duration_seconds", { kind, status: outcome }, ageMs);
    const told = { provider: provider ?? "", model: model ?? "", code: code ?? "", attempt, durationMs: ageMs };
    deps.analytics.write({ kind: "conversion", conversionKind: kind, status: outcome, ...told });
  }
  return {
    outcome,
    code,
    kind,
    attempt,
    ageMs,
    provider,
    model,
    degraded: result?.degraded,
    bytes: result?.bytes,
    fetchingMs: times?.fetching,
    generatingMs: times?.generating,
    encodingMs: times?.encoding,
    storingMs: times?.storing,
  };
}
