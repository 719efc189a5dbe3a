import { AppError } from "../../kernel/app-error.ts";
import type { Alerts } from "../../ports/alerts.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { PasswordHasher } from "../../ports/password-hasher.ts";

const TIMEOUT_MS = 10_000;
const RETRY_AFTER_SECONDS = 2;

function withTimeout<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hasher: no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  return Promise.race([answer, timeout]).finally(() => clearTimeout(timer));
}

/**
 * The `hasher` Worker over its service binding. Calls are timed, and failures raise an alert.
 * @throws {AppError} `service_unavailable` when it is overloaded, fails or doesn't answer in time.
 */
export function createRpcPasswordHasher(
  hasher: PasswordHasher,
  { metrics, alerts }: { readonly metrics: Metrics; readonly alerts: Alerts },
): PasswordHasher {
  async function ask<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    const done = (outcome: string) =>
      metrics.time("password_hash_duration_seconds", { operation, outcome }, Date.now() - startedAt);
    try {
      const answer = await withTimeout(call());
      done("ok");
      return answer;
    } catch (cause) {
      done("failed");
      alerts.raise({
        name: "hash_failures",
        about: operation,
        what: "The password hasher failed, was overloaded or did not answer in time",
        advice: "Look at the hasher's CPU time and at who is signing in: nobody can sign in by password meanwhile",
      });
      throw new AppError("service_unavailable", { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
  }
  return {
    hash: (password) => ask("hash", () => hasher.hash(password)),
    verify: (password, stored) => ask("verify", () => hasher.verify(password, stored)),
  };
}
