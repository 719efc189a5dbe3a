import type { components } from "./schema.d.ts";

export type Problem = components["schemas"]["Problem"];
/** Every code the API answers an error with; they are stable. */
export type ProblemCode = Problem["code"];

/** An answer of status 400 or above. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  /** `unknown` when the answer is none of the API's own, such as a proxy's. */
  readonly code: ProblemCode | "unknown";
  /** For a report to whoever runs the service. */
  readonly requestId: string | null;
  /** Which values of the request were not valid, and why. */
  readonly errors: NonNullable<Problem["errors"]>;
  /** How long the service asks to wait before another try. */
  readonly retryAfterMs: number | null;

  constructor(response: Response, problem: Problem | null) {
    super(problem?.detail ?? `the service answered ${response.status} without saying why`);
    this.status = response.status;
    this.code = problem?.code ?? "unknown";
    this.requestId = problem?.requestId ?? response.headers.get("X-Request-Id");
    this.errors = problem?.errors ?? [];
    this.retryAfterMs = retryAfterMs(response);
  }
}

/** The problem an answer tells, or null. Leaves its body to be read again. */
export async function problemOf(response: Response): Promise<Problem | null> {
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return null;
  return (await response
    .clone()
    .json()
    .catch(() => null)) as Problem | null;
}

/** What `Retry-After` asks for, in seconds or as a date; null without one. */
export function retryAfterMs(response: Response): number | null {
  const value = response.headers.get("Retry-After");
  if (value === null) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
