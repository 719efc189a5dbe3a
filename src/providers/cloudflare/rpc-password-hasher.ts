import { AppError } from "../../kernel/app-error.ts";
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

async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await withTimeout(call());
  } catch (cause) {
    throw new AppError("service_unavailable", { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
}

/**
 * The `hasher` Worker over its service binding.
 * @throws {AppError} `service_unavailable` when it is overloaded, fails or doesn't answer in time.
 */
export function createRpcPasswordHasher(hasher: PasswordHasher): PasswordHasher {
  return {
    hash: (password) => ask(() => hasher.hash(password)),
    verify: (password, stored) => ask(() => hasher.verify(password, stored)),
  };
}
