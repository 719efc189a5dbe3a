import { ERRORS, type ErrorCode, type ErrorSpec } from "./error-registry.ts";

/** One invalid value. `path` is dotted, e.g. `metadata.color`; `code` is snake_case; `message` is for people. */
export interface FieldIssue {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface AppErrorOptions {
  /** Replaces the registry's text; shown to the client, so never internal. */
  readonly detail?: string;
  /** Only with `validation_failed`. */
  readonly issues?: readonly FieldIssue[];
  readonly retryAfterSeconds?: number;
  readonly allow?: readonly string[];
  /** Total bytes of the resource, for `range_not_satisfiable`. */
  readonly rangeTotal?: number;
  readonly cause?: unknown;
}

/** A failure with a place in the registry; everything else thrown is an `internal_error`. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly options: AppErrorOptions;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.detail ?? ERRORS[code].detail, { cause: options.cause });
    this.code = code;
    this.options = options;
  }

  get spec(): ErrorSpec {
    return ERRORS[this.code];
  }
}

/** A 422 about one field. */
export function invalidField(path: string, code: string, message: string): AppError {
  return new AppError("validation_failed", { issues: [{ path, code, message }] });
}
