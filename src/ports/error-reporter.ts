/** Where a failure happened. Never a body, a picture, a phone or a token. */
export interface ErrorContext {
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
  readonly conversionId?: string | undefined;
  /** Told on as a hash. */
  readonly userId?: string | undefined;
  /** The route's template, the queue, or the part of a sweep. */
  readonly where: string;
}

/** Tells developers of failures nobody expected. Never throws, and holds nothing up. */
export interface ErrorReporter {
  report(error: unknown, context: ErrorContext): void;
}

/** Tells nobody. */
export const noErrorReporter: ErrorReporter = { report() {} };
