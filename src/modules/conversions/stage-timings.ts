import type { ProviderId } from "../../ports/image-generator.ts";
import type { ConversionKind } from "./conversion.ts";

/** What a worker does with a job, in order; each takes a share of the progress that goes by its usual duration. */
export const WORK_STAGES = ["fetching", "generating", "encoding", "storing"] as const;
export type WorkStage = (typeof WORK_STAGES)[number];

/** Milliseconds a stage. */
export type StageTimes = Readonly<Record<WorkStage, number>>;

/** How long the stages of recent conversions took, by kind and provider: moving averages over about eight of them. */
export interface StageTimings {
  /** Null before the first success. */
  find(kind: ConversionKind, provider: ProviderId): Promise<StageTimes | null>;
  record(kind: ConversionKind, provider: ProviderId, times: StageTimes, now: number): Promise<void>;
}
