/** Waiting that ends when the release is asked to stop, with the reason for it. */
import { setTimeout as sleep } from "node:timers/promises";

/** @throws the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** Fails with the signal's reason at once. For what only reads: its answer may be lost. */
export async function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([asked, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
