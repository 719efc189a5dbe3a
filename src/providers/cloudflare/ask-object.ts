import { AppError } from "../../kernel/app-error.ts";

/**
 * The answer of a Durable Object. Fails closed: without one in time it is `service_unavailable`. It is asked once, for an
 * overloaded object only suffers from retries.
 */
export async function askObject<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`a Durable Object took longer than ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([answer, timeout]);
  } catch (cause) {
    throw new AppError("service_unavailable", { cause });
  } finally {
    clearTimeout(timer);
  }
}
