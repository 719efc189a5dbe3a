import type { ProviderId } from "../../ports/image-generator.ts";
import { type ConversionKind, WORK_STAGES, type WorkStage } from "./conversion.ts";

/** Milliseconds a stage. */
export type StageTimes = Readonly<Record<WorkStage, number>>;

/**
 * How long the stages of recent conversions took, by kind and provider: moving averages over about eight of them. Each
 * success adds to them (`ConversionRepository.succeed`).
 */
export interface StageTimings {
  /** Null before the first success. */
  find(kind: ConversionKind, provider: ProviderId): Promise<StageTimes | null>;
}

/** Until something has been measured: models take their time, the local engine shares it evenly. */
const USUAL: Record<ProviderId, StageTimes> = {
  gemini: { fetching: 200, generating: 15_000, encoding: 400, storing: 200 },
  "workers-ai": { fetching: 200, generating: 6_000, encoding: 400, storing: 200 },
  local: { fetching: 50, generating: 500, encoding: 200, storing: 50 },
};

/** A stage that takes longer than usual comes this close to its end and no closer. */
const LONGEST_SHARE = 0.95;

export function usualTimes(provider: ProviderId): StageTimes {
  return USUAL[provider];
}

export function totalMs(times: StageTimes): number {
  return WORK_STAGES.reduce((sum, stage) => sum + times[stage], 0);
}

/** How far along a job is, 1–99, that has been in `stage` for `elapsedMs`: each stage weighs what it usually takes. */
export function progressAt(times: StageTimes, stage: WorkStage, elapsedMs: number): number {
  const before = WORK_STAGES.slice(0, WORK_STAGES.indexOf(stage)).reduce((sum, earlier) => sum + times[earlier], 0);
  const within = times[stage] * Math.min(LONGEST_SHARE, elapsedMs / Math.max(1, times[stage]));
  return Math.min(99, Math.max(1, Math.floor((100 * (before + within)) / Math.max(1, totalMs(times)))));
}
