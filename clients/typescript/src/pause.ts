/** The longest that `setTimeout` keeps, 24 days; what is longer would be over at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What `promise` becomes, or the signal's reason as soon as that is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** @throws the signal's reason when it is aborted before `ms` have passed. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS));
  });
  await unlessAborted(passed, signal).finally(() => clearTimeout(timer));
}
