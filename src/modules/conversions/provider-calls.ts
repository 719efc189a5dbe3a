import { GENERATION_FAILURES, type GenerationUsage, type ProviderId } from "../../ports/image-generator.ts";

/** `pending`: under way, or its worker died; `aborted`: given up, since the job was taken away. */
export const CALL_OUTCOMES = ["pending", "success", "aborted", ...GENERATION_FAILURES] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

export interface NewProviderCall {
  readonly id: string;
  readonly conversionId: string;
  readonly attempt: number;
  readonly provider: ProviderId;
  readonly model: string;
  /** What it may be expected to cost, in millionths of a US dollar. */
  readonly expectedMicros: number;
  /** What all calls of the day may cost together; null for no limit. */
  readonly budgetMicros: number | null;
  readonly startedAt: number;
}

export interface ProviderCall {
  readonly id: string;
  readonly provider: ProviderId;
  readonly model: string;
  readonly attempt: number;
  readonly outcome: CallOutcome;
  readonly promptTokens: number | null;
  readonly outputTokens: number | null;
  /** As expected while pending, and where the provider never told. */
  readonly costMicros: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
}

/** `full`: what other calls are expected to cost leaves no room, and some may come back; `spent`: none will. */
export type CallAdmission = "begun" | "full" | "spent";

/** What the calls of one model came to on one UTC day. */
export interface ProviderSpend {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly provider: ProviderId;
  readonly model: string;
  readonly calls: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** With what is only expected yet. */
  readonly costMicros: number;
  readonly reservedMicros: number;
  /** Of the calls that have ended, together. */
  readonly durationMs: number;
}

/**
 * Every call of a provider and what it cost. A call is on record before it is made: one whose worker died goes on
 * counting what it was expected to cost.
 */
export interface ProviderCallRepository {
  /**
   * Records a call about to be made, unless its expected cost would go over the day's budget: of racing calls only as
   * many are recorded as fit. One that isn't `begun` must not be made.
   */
  begin(call: NewProviderCall): Promise<CallAdmission>;
  /** Records what became of a call, once; `usage` null leaves the expected cost, `free` sets it to nothing. */
  settle(
    id: string,
    end: {
      readonly outcome: Exclude<CallOutcome, "pending">;
      readonly usage: GenerationUsage | null;
      readonly free: boolean;
      readonly endedAt: number;
    },
  ): Promise<void>;
  /** Calls begun before that were never settled: their worker has died. Oldest first. */
  listPending(before: number, limit: number): Promise<readonly Pick<ProviderCall, "id" | "startedAt">[]>;
  /** In the order they were made. */
  ofConversion(conversionId: string): Promise<readonly ProviderCall[]>;
  /** Days from `fromDay` to `toDay`, both included, the latest first. At most `limit` rows. */
  spend(range: { readonly fromDay: string; readonly toDay: string }, limit: number): Promise<readonly ProviderSpend[]>;
}
