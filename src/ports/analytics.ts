/** One request, for exploring: sampled by the platform, so never the truth about a number. */
export interface RequestPoint {
  readonly kind: "request";
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** The error's code; empty for none. */
  readonly code: string;
  /** Where the client is, as two letters; empty where that isn't known. */
  readonly country: string;
  readonly durationMs: number;
}

/** One conversion that ended in a worker. */
export interface ConversionPoint {
  readonly kind: "conversion";
  readonly conversionKind: string;
  readonly provider: string;
  readonly model: string;
  readonly status: string;
  readonly code: string;
  readonly attempt: number;
  readonly durationMs: number;
}

export type AnalyticsPoint = RequestPoint | ConversionPoint;

/** Never throws, and never waits. */
export interface Analytics {
  write(point: AnalyticsPoint): void;
}

/** Writes nothing. */
export const noAnalytics: Analytics = { write() {} };
